import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { connectRedis } from './redis-connection.js';
import { WORKER_BEAT_MS, WORKER_WORD_MS, WorkerRegistry, type WorkerFacts } from './worker-registry.js';

const facts = (workerId: string, changes: Partial<WorkerFacts> = {}): WorkerFacts => ({
  workerId, host: 'render-1', pid: 7, engine: 'docker', state: 'working', running: 1, warm: 2, concurrency: 4, startedAt: '2030-01-01T00:00:00.000Z', ...changes,
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
    expect(await redis.keys('*')).toEqual([]);
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

  test('leaves no key without an end', async () => {
    await workers.announce(facts('a'));
    for (const key of await redis.keys('*')) expect(await redis.pttl(key)).toBeGreaterThan(0);
  });

  test('waits for a lost word or two, and knows of a death before a job of the dead can be given again', () => {
    expect(WORKER_WORD_MS).toBeGreaterThanOrEqual(4 * WORKER_BEAT_MS);
    // A job's lock lasts 10 s and is renewed every 5 s (the worker's intake): so much is left of it at least.
    expect(WORKER_WORD_MS).toBeLessThanOrEqual(5000);
  });
});
