import { describe, expect, test } from '@jest/globals';
import type { ResourceDemand } from '@function-runner/scheduling';
import type { HostFacts } from '@function-runner/task-store';
import { judgeCapability } from './judge-capability.js';

const GIB = 1024 ** 3;
const NOW = 1_000_000;
const WAIT_MS = 600_000;

/** A host with one device of so many GiB. */
function host(hostId: string, gib: number, changes: Partial<HostFacts> & { health?: 'ok' | 'lost' | 'sick' } = {}): HostFacts {
  const { health = 'ok', ...facts } = changes;
  return { hostId, name: hostId.toUpperCase(), devices: [{ id: `GPU-${hostId}`, name: 'RTX', totalBytes: gib * GIB, health }], cpuMillis: 8000, memoryBytes: 32 * GIB, alive: true, seenAt: NOW, ...facts };
}

const onGpu = (gib: number, changes: Partial<ResourceDemand> = {}): ResourceDemand => ({ gpus: 1, vramBytes: gib * GIB, splittable: false, cpuMillis: 0, memoryBytes: 0, ...changes });
const onHost = (gib: number): ResourceDemand => ({ gpus: 0, vramBytes: 0, splittable: false, cpuMillis: 1000, memoryBytes: gib * GIB });
const away = (ago: number): Partial<HostFacts> => ({ alive: false, seenAt: NOW - ago });

describe('judgeCapability', () => {
  test.each<[string, ResourceDemand, HostFacts[], unknown]>([
    ['one that lives could', onGpu(24), [host('a', 8), host('b', 24)], { kind: 'able' }],
    ['one that lives could if it were empty, whatever is leased', onHost(32), [host('a', 0)], { kind: 'able' }],
    ['two devices of one host', onGpu(24, { splittable: true }), [{ ...host('a', 12), devices: [...host('a', 12).devices, ...host('b', 12).devices] }], { kind: 'able' }],
    ['none that lives could, one that is away could', onGpu(24), [host('a', 8), host('b', 24, away(WAIT_MS - 1))], { kind: 'awaited' }],
    ['the one that could has been away for too long', onGpu(24), [host('a', 8), host('b', 24, away(WAIT_MS))], { kind: 'none', why: expect.stringMatching(/^needs 24 GiB on one GPU.*RTX on host A.*8 GiB/) }],
    ['the one that is away could not either', onGpu(24), [host('a', 8), host('b', 16, away(1))], { kind: 'none', why: expect.stringMatching(/^needs 24 GiB on one GPU.*RTX on host A.*8 GiB/) }],
    ['no host lives, and none that is known could', onGpu(24), [host('b', 8, away(WAIT_MS * 2))], { kind: 'awaited' }],
    ['no host is known', onHost(1), [], { kind: 'awaited' }],
    ['its device is lost', onGpu(24), [host('a', 24, { health: 'lost' })], { kind: 'none', why: expect.stringMatching(/^needs 24 GiB on one GPU.*no GPU/) }],
    ['no memory is large enough', onHost(33), [host('a', 80)], { kind: 'none', why: expect.stringMatching(/^needs 33 GiB of memory.*A.*32 GiB/) }],
    ['two GPUs where a host has one', onGpu(8, { gpus: 2 }), [host('a', 24), host('b', 24)], { kind: 'none', why: expect.stringMatching(/^needs 2 GPUs with 8 GiB each on one host.*1$/) }],
  ])('%s', (_what, demand, hosts, capability) => {
    expect(judgeCapability(demand, hosts, NOW, WAIT_MS)).toEqual(capability);
  });
});
