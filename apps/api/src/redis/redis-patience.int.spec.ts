import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, TcpProxy } from '@function-runner/testing';
import { RedisPatience, SILENCE_MS } from './redis-patience.js';

describe('RedisPatience', () => {
  let server: RedisFixture;
  let proxy: TcpProxy;
  let redis: Redis;
  let patience: RedisPatience;

  beforeEach(async () => {
    server = await RedisFixture.start();
    proxy = await TcpProxy.start({ port: server.port });
    redis = connectRedis(`redis://127.0.0.1:${proxy.port}`, 'request', () => undefined);
    patience = new RedisPatience(redis);
    await redis.ping();
  });
  afterEach(async () => {
    redis.disconnect();
    await proxy.stop();
    await server.stop();
  });

  /** One trip after the other. */
  const trips = async (count: number): Promise<string> => {
    for (let trip = 0; trip < count; trip += 1) await redis.ping();
    return 'done';
  };

  test('waits for a Redis that is slow, however long it takes', async () => {
    proxy.delay(300);
    const from = performance.now();
    expect(await patience.within(() => trips(5))).toBe('done');
    expect(performance.now() - from).toBeGreaterThan(1.5 * SILENCE_MS);
  });

  test('gives up one that falls silent, once for all trips that wait for one another', async () => {
    const [first] = [redis.ping().catch(() => undefined), proxy.blackhole(true)];
    // Told by its own words before the first trip's limit of a second, whose error would be another one.
    await expect(patience.within(() => trips(2))).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('same requestId') as unknown });
    expect(proxy.swallowed).toBeGreaterThan(0);
    await first;
  });

  test('passes on what the work itself says', async () => {
    await expect(patience.within(() => redis.call('NOT-A-COMMAND'))).rejects.toThrow(/unknown command/);
  });
});
