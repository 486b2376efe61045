import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { RedisFixture } from '@function-runner/testing';
import { ProjectStore } from './project-store.js';
import { connectRedis } from './redis-connection.js';

describe('ProjectStore', () => {
  let server: RedisFixture;
  let redis: Redis;
  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  test('gives back what was put, the latest', async () => {
    const projects = new ProjectStore(redis);
    expect(await projects.get('p')).toBeUndefined();
    await projects.put({ id: 'p', name: 'Film', quality: 'low' });
    await projects.put({ id: 'p', name: 'Film', quality: 'Premium' });
    expect(await projects.get('p')).toEqual({ id: 'p', name: 'Film', quality: 'Premium' });
    expect(await projects.get('q')).toBeUndefined();
  });
});
