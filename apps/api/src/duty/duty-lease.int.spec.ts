import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { DutyLease } from './duty-lease.js';

describe('DutyLease', () => {
  let server: RedisFixture;
  let connections: Redis[];
  let one: DutyLease;
  let other: DutyLease;
  const redis = (): Redis => {
    const [first] = connections;
    if (first === undefined) throw new Error('not connected');
    return first;
  };

  beforeAll(async () => {
    server = await RedisFixture.start();
  });
  beforeEach(async () => {
    connections = ['one', 'other'].map(() => connectRedis(server.url, 'request', () => undefined));
    [one, other] = connections.map((connection, index) => new DutyLease(connection, keys.narrator, `api-${index}`)) as [DutyLease, DutyLease];
    await redis().flushall();
  });
  afterEach(() => connections.forEach((connection) => connection.disconnect()));
  afterAll(() => server.stop());

  test('has one holder, who keeps it as long as it says so', async () => {
    const held = await Promise.all([one.hold(), other.hold()]);
    expect([...held].sort()).toEqual([false, true]);
    const holder = await redis().get(keys.narrator);
    const left = await redis().pttl(keys.narrator);
    await waitFor('its word to be repeated', async () => {
      await Promise.all([one.hold(), other.hold()]);
      return (await redis().pttl(keys.narrator)) > left;
    });
    expect(await redis().get(keys.narrator)).toBe(holder);
  });

  test('passes on as soon as it is given back', async () => {
    expect(await one.hold()).toBe(true);
    await other.letGo();
    expect(await redis().get(keys.narrator)).toBe('api-0');
    await one.letGo();
    expect(await redis().exists(keys.narrator)).toBe(0);
    expect(await other.hold()).toBe(true);
  });

  test('passes on when its holder says nothing any more, who learns of it when it speaks again', async () => {
    expect(await one.hold()).toBe(true);
    await waitFor('the word to run out', () => other.hold(), 10_000);
    expect(await one.hold()).toBe(false);
    await one.letGo();
    expect(await redis().get(keys.narrator)).toBe('api-1');
  });
});
