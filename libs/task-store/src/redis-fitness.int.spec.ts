import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { connectRedis } from './redis-connection.js';
import { RedisFitness } from './redis-fitness.js';

/** Several looks of the fitness itself, and the machine may be busy. */
const TEST_MS = 30_000;

describe('RedisFitness', () => {
  let server: RedisFixture;
  let operator: Redis;
  const ends: (() => void)[] = [];

  beforeEach(async () => {
    server = await RedisFixture.start();
    operator = connectRedis(server.url, 'worker', () => undefined);
    ends.push(() => operator.disconnect());
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) end();
    await server.stop();
  });

  function watch({ allowNoPersistence = false, user = '' } = {}): { fitness: RedisFitness; redis: Redis; told: string[] } {
    const redis = connectRedis(`redis://${user}127.0.0.1:${server.port}`, 'request', () => undefined);
    const fitness = new RedisFitness(redis, { allowNoPersistence });
    const told: string[] = [];
    fitness.onChange(({ up, facts }) => told.push(up ? 'fit' : (facts['message'] ?? '').split(':')[0] ?? ''));
    ends.push(() => redis.disconnect(), () => fitness.close());
    return { fitness, redis, told };
  }

  test('is not fit before it has been looked at, and then at once', async () => {
    const { fitness } = watch();
    expect([fitness.fit, fitness.fault]).toEqual([false, 'Redis has not answered yet']);
    await fitness.whenKnown();
    expect([fitness.fit, fitness.fault]).toEqual([true, undefined]);
  }, TEST_MS);

  test('notices by itself what is changed while it runs, each time once, and that it is mended', async () => {
    const { fitness, told } = watch();
    await fitness.whenKnown();
    await operator.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await waitFor('the wrong policy to be noticed', () => !fitness.fit);
    expect(fitness.fault).toMatch(/^maxmemory-policy is allkeys-lru.*mend: CONFIG SET maxmemory-policy noeviction$/);
    await operator.config('SET', 'maxmemory-policy', 'noeviction', 'appendonly', 'no');
    await waitFor('the missing persistence to be noticed', () => fitness.fault?.startsWith('persistence is off') === true);
    await operator.config('SET', 'save', '60 1');
    await waitFor('the snapshots to be noticed', () => fitness.fit);
    expect(told).toEqual(['fit', 'maxmemory-policy is allkeys-lru', 'persistence is off', 'fit']);
  }, TEST_MS);

  test('lets persistence be off where that is allowed, the policy never', async () => {
    await operator.config('SET', 'appendonly', 'no');
    const { fitness } = watch({ allowNoPersistence: true });
    await fitness.whenKnown();
    expect(fitness.fit).toBe(true);
    await operator.config('SET', 'maxmemory-policy', 'volatile-ttl');
    await waitFor('the policy to be noticed', () => !fitness.fit);
  }, TEST_MS);

  test('keeps its verdict while Redis is away, and looks again as soon as it is back', async () => {
    const { fitness, redis } = watch();
    await fitness.whenKnown();
    await server.halt('SIGKILL');
    await waitFor('the loss', () => redis.status !== 'ready');
    await expect(fitness.look()).rejects.toThrow();
    expect(fitness.fit).toBe(true);
    await server.resume();
    await operator.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await waitFor('the change to be noticed', () => !fitness.fit);
  }, TEST_MS);

  test('reads INFO where CONFIG is forbidden, and holds nothing against who forbids both', async () => {
    await operator.acl('SETUSER', 'guest', 'on', '>pass', '~*', '+@all', '-config');
    const { fitness } = watch({ user: 'guest:pass@' });
    await fitness.whenKnown();
    expect(await fitness.look()).toEqual({ up: true, facts: { policy: 'noeviction', persistence: 'aof' } });
    await operator.config('SET', 'appendonly', 'no');
    expect(await fitness.look()).toMatchObject({ up: false, facts: { persistence: 'none' } });
    // A snapshot that was taken shows that some are.
    await operator.bgsave();
    await waitFor('the snapshot to be seen', async () => (await fitness.look()).facts['persistence'] === 'rdb');
    await operator.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await fitness.look()).toMatchObject({ up: false, facts: { policy: 'allkeys-lru' } });
    await operator.acl('SETUSER', 'guest', '-info');
    expect(await fitness.look()).toEqual({ up: true, facts: { policy: 'unknown', persistence: 'unknown' } });
  }, TEST_MS);
});
