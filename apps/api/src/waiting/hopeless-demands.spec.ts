import { describe, expect, test } from '@jest/globals';
import type { ResourceDemand } from '@function-runner/scheduling';
import type { HostFacts } from '@function-runner/task-store';
import { HopelessDemands } from './hopeless-demands.js';

const GIB = 1024 ** 3;
const demand = (gib: number): ResourceDemand => ({ gpus: 1, vramBytes: gib * GIB, splittable: false, cpuMillis: 0, memoryBytes: 0 });
const host = (hostId: string, gib: number, alive: boolean, seenAt: number): HostFacts => ({
  hostId, name: hostId, devices: [{ id: `GPU-${hostId}`, name: 'RTX', totalBytes: gib * GIB, health: 'ok' }], cpuMillis: 1000, memoryBytes: GIB, alive, seenAt,
});

describe('HopelessDemands', () => {
  test('a demand is hopeless from when the last host that could was heard of', () => {
    const demands = new HopelessDemands();
    demands.update([demand(24)], [host('a', 24, false, 40), host('b', 48, false, 50), host('c', 8, true, 99), host('d', 16, false, 90)], 100);
    expect(demands.sinceOf(demand(24))).toBe(50);
    expect(demands.sinceOf(demand(8))).toBeUndefined();
  });

  test('where none that is known could, from when it was seen first; and it stays so', () => {
    const demands = new HopelessDemands();
    demands.update([demand(24)], [], 100);
    demands.update([demand(24), demand(24)], [host('c', 8, true, 200)], 200);
    expect(demands.sinceOf(demand(24))).toBe(100);
    // A host that could left long before this was seen: that it had none before is forgotten, not the moment.
    demands.update([demand(24)], [host('a', 24, false, 40)], 300);
    expect(demands.sinceOf(demand(24))).toBe(100);
  });

  test('a host that comes back puts an end to it', () => {
    const demands = new HopelessDemands();
    demands.update([demand(24)], [host('a', 24, false, 40)], 100);
    demands.update([demand(24)], [host('a', 24, true, 150)], 150);
    expect(demands.sinceOf(demand(24))).toBeUndefined();
    demands.update([demand(24)], [host('a', 24, false, 180)], 200);
    expect(demands.sinceOf(demand(24))).toBe(180);
  });

  test('what nobody waits for is forgotten', () => {
    const demands = new HopelessDemands();
    demands.update([demand(24), demand(48)], [], 100);
    demands.update([demand(48)], [], 200);
    demands.update([demand(24), demand(48)], [], 300);
    expect([demands.sinceOf(demand(24)), demands.sinceOf(demand(48))]).toEqual([300, 100]);
  });
});
