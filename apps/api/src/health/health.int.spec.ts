import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { ApiFixture } from '../api.fixture.js';

const NODE = { nodeId: 'node-1', nodeType: 'image_upscale', projectId: 'film', parameters: {} };

let redis: RedisFixture;
let api: ApiFixture;

beforeEach(async () => {
  redis = await RedisFixture.start();
  api = await ApiFixture.start(redis);
  await api.putProject('film');
});

afterEach(async () => {
  process.kill(redis.pid, 'SIGCONT');
  await api.dispose();
  await redis.stop();
});

async function ready(of = api): Promise<{ status: number; body: { details: Record<string, Record<string, unknown>> } }> {
  const response = await of.fetch('/health/ready');
  return { status: response.status, body: (await response.json()) as { details: Record<string, Record<string, unknown>> } };
}

/** A request that must be refused, since Redis is away, within the second that is promised. */
async function refusedInTime(request: () => Promise<Record<string, unknown>>): Promise<Record<string, unknown>> {
  const asked = performance.now();
  const answer = await request();
  expect(answer).toMatchObject({ code: 'UNAVAILABLE' });
  expect(performance.now() - asked).toBeLessThan(1_000);
  return answer;
}

describe('readiness', () => {
  test('all is well', async () => {
    expect(await ready()).toMatchObject({
      status: 200,
      body: { status: 'ok', details: { accepting: { status: 'up' }, redis: { status: 'up', policy: 'noeviction', persistence: 'aof' }, queues: { status: 'up', waiting: { low: 0, standard: 0, high: 0, premium: 0 } } } },
    });
    expect((await api.fetch('/health/live')).status).toBe(200);
  });

  test('a Redis that does not answer: not ready, requests are refused within a second, and all is well again after it', async () => {
    const client = await api.connect();
    process.kill(redis.pid, 'SIGSTOP');
    expect(await ready()).toMatchObject({ status: 503, body: { details: { redis: { status: 'down' }, queues: { status: 'down' } } } });
    for (const projectId of ['film', 'not-heard-of-yet']) await refusedInTime(() => client.request('start_generation', { ...NODE, projectId }));
    const batch = await refusedInTime(() => client.request('start_batch', { projectId: 'film', items: [NODE, NODE] }));
    expect(batch).toMatchObject({ code: 'UNAVAILABLE' });
    await refusedInTime(async () => (await (await api.fetch('/v1/generations', { method: 'POST', body: JSON.stringify(NODE) })).json()) as Record<string, unknown>);
    expect((await api.fetch('/health/live')).status).toBe(200);
    process.kill(redis.pid, 'SIGCONT');
    await waitFor('readiness', async () => (await ready()).status === 200);
    expect(await client.request('start_generation', NODE)).toMatchObject({ status: 'queued' });
  });

  test('a Redis that is gone and comes back', async () => {
    const client = await api.connect();
    const before = await client.request('start_generation', NODE);
    await redis.halt('SIGKILL');
    for (const projectId of ['film', 'not-heard-of-yet']) await refusedInTime(() => client.request('start_generation', { ...NODE, projectId }));
    expect((await ready()).status).toBe(503);
    await redis.resume();
    await waitFor('readiness', async () => (await ready()).status === 200);
    const task = { taskId: String(before['taskId']), nodeId: 'node-1', projectId: 'film' };
    await api.runTask(task, 2);
    await client.waitForEvent('task_success');
    expect(client.seqsOf(task.taskId)).toEqual([1, 2, 3, 4, 5]);
  });

  test('a Redis that may evict, or keeps nothing, is named with its mend', async () => {
    await api.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    const other = await ApiFixture.start(redis);
    expect(await ready(other)).toMatchObject({ status: 503, body: { details: { redis: { status: 'down', message: expect.stringContaining('maxmemory-policy noeviction') } } } });
    await api.redis.config('SET', 'maxmemory-policy', 'noeviction', 'appendonly', 'no');
    await waitFor('the next reading', async () => String((await ready(other)).body.details['redis']?.['message']).includes('appendonly yes'), 10_000, 200);
    const careless = await ApiFixture.start(redis, { REDIS_ALLOW_NO_PERSISTENCE: 'true' });
    expect(await ready(careless)).toMatchObject({ status: 200, body: { details: { redis: { persistence: 'none' } } } });
    await Promise.all([other.dispose(), careless.dispose()]);
  });

  test('a full Redis refuses with UNAVAILABLE', async () => {
    const client = await api.connect();
    await api.redis.config('SET', 'maxmemory', '1mb');
    expect(await client.request('start_generation', { ...NODE, requestId: 'full' })).toMatchObject({ code: 'UNAVAILABLE' });
    await api.redis.config('SET', 'maxmemory', '0');
    expect(await client.request('start_generation', { ...NODE, requestId: 'full' })).toMatchObject({ status: 'queued' });
  });
});

describe('draining', () => {
  test('is not ready at once, serves its last call, asks clients to go, and answers what is under way at the end', async () => {
    const ending = await ApiFixture.start(redis, { LAST_CALL: '3s' });
    const client = await ending.connect();
    const left = new Promise<string>((resolve) => void client.socket.once('disconnect', resolve));
    const stopped = ending.stop();
    const asked = performance.now();
    expect(await ready(ending)).toMatchObject({ status: 503, body: { details: { accepting: { status: 'down' } } } });
    expect(performance.now() - asked).toBeLessThan(500);
    expect(await client.request('start_generation', NODE)).toMatchObject({ status: 'queued' });
    const served = await ending.fetch('/v1/generations', { method: 'POST', body: JSON.stringify(NODE) });
    expect([served.status, served.headers.get('connection')]).toEqual([202, 'close']);
    expect(client.named('server_closing')).toEqual([]);
    expect(await client.waitForEvent('server_closing')).toEqual({ reconnectInMs: expect.any(Number) });
    await expect(ending.fetch('/health/live')).rejects.toThrow();
    process.kill(redis.pid, 'SIGSTOP');
    const underWay = client.request('start_generation', NODE);
    // Its first command is on its way to a Redis that sleeps.
    await client.request('start_generation', 42);
    process.kill(redis.pid, 'SIGCONT');
    expect(await underWay).toMatchObject({ status: 'queued' });
    // What a client takes for a fault of the network, after which it connects again by itself.
    expect(await left).toBe('transport close');
    await stopped;
    await ending.dispose();
  });
});
