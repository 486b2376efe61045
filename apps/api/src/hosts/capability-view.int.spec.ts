import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis, WorkerRegistry, type HostFacts } from '@function-runner/task-store';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { workerFacts } from '../worker-facts.fixture.js';
import { CapabilityView } from './capability-view.js';

const GIB = 1024 ** 3;
const demand = (gib: number) => ({ gpus: 1, vramBytes: gib * GIB, splittable: false, cpuMillis: 0, memoryBytes: 0 });

describe('CapabilityView', () => {
  let server: RedisFixture;
  let redis: Redis;
  let registry: WorkerRegistry;
  let reads: number;
  let view: CapabilityView;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    registry = new WorkerRegistry(redis);
  });
  beforeEach(async () => {
    await redis.flushall();
    reads = 0;
    view = new CapabilityView({ hosts: (): Promise<HostFacts[]> => { reads += 1; return registry.hosts(); } }, { waitMs: 60_000 });
  });
  afterEach(() => view.close());
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  test('reads nothing for a task that a known host could run, however many ask', async () => {
    await registry.announce(workerFacts('w', { gib: [24] }));
    expect(await view.judge(demand(24))).toEqual({ kind: 'able' });
    expect(reads).toBe(1);
    for (let turn = 0; turn < 100; turn += 1) expect(await view.judge(demand(24))).toEqual({ kind: 'able' });
    expect(reads).toBe(1);
  });

  test('refuses by what is so now, not by the copy', async () => {
    await registry.announce(workerFacts('small', { gib: [8] }));
    expect(await view.judge(demand(24))).toMatchObject({ kind: 'none' });
    await registry.announce(workerFacts('big', { hostId: 'h-2', gib: [24] }));
    expect(await view.judge(demand(24))).toEqual({ kind: 'able' });
  });

  test('a host that is announced while a read is under way counts for whoever asks after it', async () => {
    await registry.announce(workerFacts('small', { gib: [8] }));
    for (let turn = 0; turn < 20; turn += 1) {
      const before = view.judge(demand(24));
      await registry.announce(workerFacts('big', { hostId: 'h-2', gib: [24] }));
      expect(await view.judge(demand(24))).toEqual({ kind: 'able' });
      await before;
      await registry.leave('big');
      await redis.del('hosts', 'host:{h-2}');
      await registry.announce(workerFacts('small', { gib: [8] }));
      expect(await view.judge(demand(25))).toMatchObject({ kind: 'none' });
    }
  });

  test('many who are about to be refused share a read', async () => {
    await registry.announce(workerFacts('small', { gib: [8] }));
    await view.judge(demand(8));
    await Promise.all(Array.from({ length: 200 }, () => view.judge(demand(24))));
    expect(reads).toBeLessThanOrEqual(3);
  });

  test('learns by itself of hosts that come', async () => {
    await view.open();
    await registry.announce(workerFacts('w', { gib: [24] }));
    // Without a host every task is let in; with one, a hopeless one is not, and the copy alone says so for the others.
    const known = reads;
    await waitFor('a further read', () => reads > known + 1);
    const before = reads;
    expect(await view.judge(demand(24))).toEqual({ kind: 'able' });
    expect(reads).toBe(before);
  });

  test('says what Redis says where it has no copy', async () => {
    const broken = new CapabilityView({ hosts: () => Promise.reject(new Error('Connection is closed.')) }, { waitMs: 1 });
    await expect(broken.judge(demand(1))).rejects.toThrow('Connection is closed.');
    await broken.open();
    await expect(broken.judge(demand(1))).rejects.toThrow('Connection is closed.');
    broken.close();
  });
});
