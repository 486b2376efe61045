import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { freePort, RedisFixture, SentinelFixture, TcpProxy, waitFor } from '@function-runner/testing';
import type { Redis } from 'ioredis';
import { RedisCheck } from './redis-check.js';
import { connectRedis, type ConnectionRole } from './redis-connection.js';
import { RedisFitness } from './redis-fitness.js';

let server: RedisFixture;
const ends: (() => Promise<unknown> | void)[] = [];

beforeEach(async () => {
  server = await RedisFixture.start();
  ends.push(() => server.stop());
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function connect(role: ConnectionRole, url = server.url): Redis {
  const redis = connectRedis(url, role, () => undefined);
  ends.push(() => redis.disconnect());
  return redis;
}

function checkOf(redis: Redis): RedisCheck {
  const fitness = new RedisFitness(redis, { allowNoPersistence: false });
  ends.push(() => fitness.close());
  return new RedisCheck(redis, fitness);
}

describe('a connection whose peer vanishes without a word (half-open)', () => {
  test.each<[ConnectionRole]>([['request'], ['worker'], ['subscriber']])('of the role %s is given up, and works again once there is a way', async (role) => {
    const proxy = await TcpProxy.start({ port: server.port });
    ends.push(() => proxy.stop());
    const redis = connect(role, `redis://127.0.0.1:${proxy.port}`);
    await redis.ping();
    let closes = 0;
    redis.on('close', () => (closes += 1));
    proxy.blackhole(true);
    // Nothing but our own pulse tells: the TCP connection stays as it was.
    await waitFor('the connection to be given up', () => closes > 0, 30_000);
    expect(proxy.swallowed).toBeGreaterThan(0);
    proxy.blackhole(false);
    await waitFor('an answer', () => redis.ping(), 30_000);
  }, 60_000);
});

describe('a Redis that became a replica (failover)', () => {
  test('costs no write: it is sent again until there is a primary one', async () => {
    const [redis, operator] = [connect('worker'), connect('worker')];
    await redis.set('a', '1');
    const port = await freePort();
    await operator.call('REPLICAOF', '127.0.0.1', String(port));
    const refused = async (): Promise<boolean> => (await operator.info('errorstats')).includes('errorstat_READONLY');
    const written = redis.incr('a');
    await waitFor('a refused write', refused);
    await operator.call('REPLICAOF', 'NO', 'ONE');
    expect(await written).toBe(2);
  }, 30_000);

  test('refuses at once what somebody waits for, and does it not later either', async () => {
    const [redis, operator] = [connect('request'), connect('worker')];
    await redis.ping();
    await operator.call('REPLICAOF', '127.0.0.1', String(await freePort()));
    await expect(redis.set('a', '1')).rejects.toThrow(/^READONLY/);
    const check = checkOf(redis);
    await waitFor('the connection to be there again', () => redis.status === 'ready');
    expect(await check.run()).toMatchObject({ up: false, facts: { message: expect.stringContaining('(READONLY)') as unknown } });
    await operator.call('REPLICAOF', 'NO', 'ONE');
    await waitFor('it to be fit again', async () => (await check.run()).up);
    expect(await redis.get('a')).toBeNull();
  }, 30_000);

  test('is not fit for work, and the check says so', async () => {
    const [redis, operator] = [connect('request'), connect('worker')];
    const check = checkOf(redis);
    await redis.ping();
    expect((await check.run()).up).toBe(true);
    await operator.config('SET', 'min-replicas-to-write', '1');
    expect(await check.run()).toMatchObject({ up: false, facts: { message: expect.stringContaining('(NOREPLICAS)') as unknown } });
    await operator.config('SET', 'min-replicas-to-write', '0');
    await waitFor('it to be fit again', async () => (await check.run()).up);
  }, 30_000);
});

describe('a wrong password', () => {
  test.each<[ConnectionRole]>([['request'], ['worker']])('is in no error of the role %s, and the right one lets us in without a restart', async (role) => {
    const operator = connect('worker');
    await operator.config('SET', 'requirepass', 'opensesame');
    const errors: Error[] = [];
    const redis = connectRedis(`redis://:open-barley@127.0.0.1:${server.port}`, role, (error) => errors.push(error));
    ends.push(() => redis.disconnect());
    const check = checkOf(redis);
    const asked = redis.set('a', 'kept').then(() => undefined, (error: unknown) => error);
    await waitFor('a second try', () => errors.length > 1);
    expect(await check.run()).toMatchObject({ up: false, facts: { message: expect.stringContaining('the user or the password in REDIS_URL is wrong') as unknown } });
    await operator.config('SET', 'requirepass', 'open-barley');
    // Who waits for an answer was told; who does not is served now.
    const refused = await asked;
    expect(refused instanceof Error).toBe(role === 'request');
    await waitFor('an answer', () => redis.ping());
    expect(await redis.get('a')).toBe(role === 'request' ? null : 'kept');
    for (const error of [...errors, ...(refused instanceof Error ? [refused] : [])]) {
      expect(error).toMatchObject({ message: expect.stringMatching(/^WRONGPASS/) as unknown });
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('open-barley');
    }
  });
});

test('missing rights are named as that', async () => {
  const [redis, operator] = [connect('request'), connect('worker')];
  const check = checkOf(redis);
  await redis.ping();
  await operator.acl('SETUSER', 'default', '-set');
  expect(await check.run()).toMatchObject({ up: false, facts: { message: expect.stringContaining('its user may not do what the runner needs') as unknown } });
  await operator.acl('SETUSER', 'default', '+set');
  expect((await check.run()).up).toBe(true);
});

test('a subscriber whose rights are taken away hears its channels again once it has them back', async () => {
  const operator = connect('worker');
  const errors: string[] = [];
  const heard: string[] = [];
  const redis = connectRedis(server.url, 'subscriber', ({ message }) => errors.push(message));
  ends.push(() => redis.disconnect());
  redis.on('message', (_channel: string, text: string) => heard.push(text));
  await redis.subscribe('a', 'b');
  await redis.unsubscribe('b');
  // Redis itself cuts off who listens to what it may not any more.
  await operator.acl('SETUSER', 'default', 'resetchannels');
  await waitFor('two refusals', () => errors.filter((message) => message.startsWith('NOPERM')).length > 1);
  await operator.acl('SETUSER', 'default', 'allchannels');
  await waitFor('the channel to be heard', async () => (await operator.publish('a', 'again')) === 1);
  await waitFor('the message', () => heard.includes('again'));
  expect(await operator.publish('b', 'no more')).toBe(0);
});

test('a full Redis answers, and is not fit for work', async () => {
  const [redis, operator] = [connect('request'), connect('worker')];
  const check = checkOf(redis);
  await redis.ping();
  await operator.config('SET', 'maxmemory', '1');
  await expect(operator.set('probe', 'x')).rejects.toThrow('OOM');
  expect(await check.run()).toMatchObject({ up: false, facts: { message: expect.stringContaining('it is full (maxmemory)') as unknown } });
  await operator.config('SET', 'maxmemory', '0');
  expect((await check.run()).up).toBe(true);
});

test('Sentinels lead to the primary one, and to the next when that is killed', async () => {
  const replica = await RedisFixture.start();
  ends.push(() => replica.stop());
  const atReplica = connect('worker', replica.url);
  await atReplica.call('REPLICAOF', '127.0.0.1', String(server.port));
  await waitFor('the replica to be in step', async () => (await atReplica.info('replication')).includes('master_link_status:up'), 20_000);
  const sentinel = await SentinelFixture.start(server.port);
  ends.push(() => sentinel.stop());
  const atSentinel = connect('worker', sentinel.url);
  await waitFor('the Sentinel to know the replica', async () => JSON.stringify(await atSentinel.call('SENTINEL', 'REPLICAS', 'main')).includes(String(replica.port)), 20_000);
  const redis = connect('worker', sentinel.primaryUrl);
  await redis.set('a', '1');
  await waitFor('the replica to have it', async () => (await atReplica.get('a')) === '1');
  await server.halt('SIGKILL');
  expect(await redis.incr('a')).toBe(2);
  expect(await atReplica.get('a')).toBe('2');
  expect((await atReplica.info('replication')).includes('role:master')).toBe(true);
}, 60_000);
