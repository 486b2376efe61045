import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { connectRedis } from './redis-connection.js';
import { WORKER_BEAT_MS, WORKER_WORD_MS, WorkerRegistry, type WorkerFacts } from './worker-registry.js';

const facts = (workerId: string, changes: Partial<WorkerFacts> = {}): WorkerFacts => ({
  workerId, host: 'render-1', pid: 7, engine: 'docker', state: 'working', running: 1, warm: 2, concurrency: 4, startedAt: '2030-01-01T00:00:00.000Z',
  hostId: 'engine-1', devices: [{ id: 'GPU-1', name: 'RTX A', totalBytes: 24, health: 'ok' }], cpuMillis: 8000, memoryBytes: 64, ...changes,
});

describe('WorkerRegistry', () => {
  let server: RedisFixture;
  let redis: Redis;
  let workers: WorkerRegistry;
  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    workers = new WorkerRegistry(redis);
  });
  beforeEach(() => redis.flushall());
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  test('knows who lives and what they said last', async () => {
    expect(await workers.list()).toEqual([]);
    expect(await workers.isAlive('b')).toBe(false);
    await workers.announce(facts('b'));
    await workers.announce(facts('a', { state: 'draining' }));
    await workers.announce(facts('b', { running: 0, warm: 3 }));
    expect(await workers.isAlive('b')).toBe(true);
    expect(await workers.list()).toEqual([facts('a', { state: 'draining' }), facts('b', { running: 0, warm: 3 })]);
  });

  test('forgets who leaves, at once', async () => {
    await workers.announce(facts('a'));
    await workers.announce(facts('b'));
    await workers.leave('a');
    await workers.leave('never-came');
    expect(await workers.isAlive('a')).toBe(false);
    expect(await workers.list()).toEqual([facts('b')]);
    await workers.leave('b');
    expect(await workers.list()).toEqual([]);
    // What is left is what is remembered of its host.
    expect((await redis.keys('*')).sort()).toEqual(['host:{engine-1}', 'hosts']);
  });

  test('takes who says nothing any more for dead, and sweeps what is left of them', async () => {
    await workers.announce(facts('silent'));
    expect(await redis.pttl('worker:{silent}')).toBeLessThanOrEqual(WORKER_WORD_MS);
    // As long ago as after minutes of silence.
    await redis.zadd('workers', Date.now() - 600_000, 'forgotten');
    const from = performance.now();
    await waitFor('its word to expire', async () => {
      await workers.announce(facts('talking'));
      return !(await workers.isAlive('silent'));
    }, WORKER_WORD_MS + 5000);
    expect(performance.now() - from).toBeGreaterThan(WORKER_WORD_MS - 1000);
    expect(await workers.list()).toEqual([facts('talking')]);
    expect(await redis.zrange('workers', 0, '-1')).not.toContain('forgotten');
  }, 20_000);

  describe('hosts', () => {
    const host = { hostId: 'engine-1', name: 'render-1', devices: facts('a').devices, cpuMillis: 8000, memoryBytes: 64 };
    const until = Date.now() + 3_600_000;
    const seenAt = expect.any(Number);

    test('are what their workers say of them, the last word counts', async () => {
      expect(await workers.hosts()).toEqual([]);
      const from = Date.now();
      await workers.announce(facts('a'));
      await workers.announce(facts('b'));
      await workers.announce(facts('c', { hostId: 'engine-0', host: 'render-0', devices: [] }));
      await workers.announce(facts('b', { devices: [{ id: 'GPU-1', name: 'RTX A', totalBytes: 0, health: 'lost' }] }));
      const [first, second] = await workers.hosts();
      expect(first).toEqual({ ...host, hostId: 'engine-0', name: 'render-0', devices: [], alive: true, seenAt });
      expect(second).toEqual({ ...host, devices: [{ id: 'GPU-1', name: 'RTX A', totalBytes: 0, health: 'lost' }], alive: true, seenAt });
      expect(second?.seenAt).toBeGreaterThanOrEqual(from);
      expect(second?.seenAt).toBeLessThanOrEqual(until);
    });

    test.each<[string, () => Promise<void>]>([
      ['its only worker leaves', () => workers.leave('a')],
      ['its only worker takes no tasks any more', () => workers.announce(facts('a', { state: 'draining' }))],
      ['its only worker dies', async () => void (await redis.del('worker:{a}'))],
    ])('one is away when %s, and remembered', async (_how, happen) => {
      await workers.announce(facts('a'));
      await happen();
      expect(await workers.hosts()).toEqual([{ ...host, alive: false, seenAt }]);
    });

    test('one lives as long as any of its workers takes tasks', async () => {
      await workers.announce(facts('a'));
      await workers.announce(facts('b', { state: 'draining' }));
      expect(await workers.hosts()).toEqual([{ ...host, alive: true, seenAt }]);
    });

    test('one that has not been heard of for more than a day is forgotten', async () => {
      await workers.announce(facts('a'));
      await redis.zadd('hosts', Date.now() - 86_460_000, 'engine-1');
      expect(await workers.hosts()).toEqual([]);
      expect(await redis.zrange('hosts', 0, '-1')).toEqual([]);
    });
  });

  test('leaves no key without an end', async () => {
    await workers.announce(facts('a'));
    for (const key of await redis.keys('*')) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  test('waits for a lost word or two, and knows of a death before a job of the dead can be given again', () => {
    expect(WORKER_WORD_MS).toBeGreaterThanOrEqual(4 * WORKER_BEAT_MS);
    // So long lasts a job's lock (the worker's intake).
    expect(WORKER_WORD_MS).toBeLessThanOrEqual(5000);
  });
});
