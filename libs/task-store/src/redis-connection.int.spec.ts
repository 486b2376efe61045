import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { connectRedis, type ConnectionRole } from './redis-connection.js';

describe('connectRedis, while Redis is away', () => {
  let server: RedisFixture;
  const open: Redis[] = [];
  const connect = (role: ConnectionRole): Redis => {
    const redis = connectRedis(server.url, role, () => undefined);
    open.push(redis);
    return redis;
  };
  beforeEach(async () => { server = await RedisFixture.start(); });
  afterEach(async () => {
    for (const redis of open.splice(0)) redis.disconnect();
    await server.stop();
  });

  test('a request fails soon, and works again once Redis is back', async () => {
    const redis = connect('request');
    await redis.set('a', '1');
    await server.halt('SIGKILL');
    const asked = performance.now();
    await expect(redis.get('a')).rejects.toThrow();
    expect(performance.now() - asked).toBeLessThan(2000);
    await server.resume();
    expect(await waitFor('an answer', () => redis.get('a'))).toBe('1');
  });

  test('a worker waits and goes on', async () => {
    const redis = connect('worker');
    await redis.set('a', '1');
    await server.halt('SIGKILL');
    const answer = redis.incr('a');
    await server.resume();
    expect(await answer).toBe(2);
  });

  test('a subscriber hears again without asking', async () => {
    const [subscriber, redis] = [connect('subscriber'), connect('worker')];
    const heard: string[] = [];
    subscriber.on('message', (_channel: string, text: string) => heard.push(text));
    await subscriber.subscribe('news');
    await server.halt('SIGKILL');
    await server.resume();
    await waitFor('the news', async () => (await redis.publish('news', 'hello')) > 0);
    await waitFor('the message', () => heard.includes('hello'));
  });

  test('errors reach the caller’s ear', async () => {
    const errors: Error[] = [];
    const redis = connectRedis(server.url, 'worker', (error) => errors.push(error));
    open.push(redis);
    await redis.ping();
    await server.halt('SIGKILL');
    await waitFor('an error', () => errors.length > 0);
    await server.resume();
    expect(await redis.ping()).toBe('PONG');
  });
});
