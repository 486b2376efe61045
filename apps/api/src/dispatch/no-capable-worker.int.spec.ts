import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { AnnouncedHost } from '../announced-host.fixture.js';
import { ApiFixture, type RecordingClient } from '../api.fixture.js';

/** 12, 24 and 48 GiB on one GPU, the last of which may be split; and none. */
const TIERS = { low: 12, high: 24, premium: 48 } as const;
const GENERATION = { nodeId: 'node-1', nodeType: 'image_generation', parameters: {} };
const UPSCALE = { ...GENERATION, nodeType: 'image_upscale' };
const GIB = 1024 ** 3;

describe('a task that no worker could ever run', () => {
  let redis: RedisFixture;
  let api: ApiFixture;
  let client: RecordingClient;
  const hosts: AnnouncedHost[] = [];

  beforeAll(async () => {
    redis = await RedisFixture.start();
    api = await ApiFixture.start(redis);
    for (const tier of Object.keys(TIERS)) await api.putProject(tier, tier);
    client = await api.connect();
  });
  afterEach(async () => {
    await forgetHosts();
    // Who is gone may run a task for as long as the api's copy has them: until it has this one instead.
    await come('small', []);
    await waitFor('the hosts to be forgotten', async () => (await start('low'))['code'] === 'NO_CAPABLE_WORKER');
    await forgetHosts();
  });
  afterAll(async () => {
    await api.dispose();
    await redis.stop();
  });

  async function forgetHosts(): Promise<void> {
    for (const host of hosts.splice(0)) {
      await host.leave();
      await api.redis.zrem('hosts', host.facts.hostId);
    }
  }
  async function come(hostId: string, gib: readonly number[]): Promise<AnnouncedHost> {
    const host = await AnnouncedHost.come(api.redis, hostId, gib);
    hosts.push(host);
    return host;
  }
  const start = (projectId: string, request: object = GENERATION): Promise<Record<string, unknown>> => client.request('start_generation', { ...request, projectId });

  test('is refused with the need, the most there is, the mend and the facts; over every door', async () => {
    await come('h-1', [8, 16]);
    const error = expect.stringMatching(/it needs 24 GiB on one GPU; the largest there is .*RTX A5000 on host box h-1.* has 16 GiB; start a worker/);
    const details = { demand: { gpus: 1, vramBytes: 24 * GIB, splittable: false, cpuMillis: 0, memoryBytes: 0 } };
    expect(await start('high', { ...GENERATION, requestId: 'r' })).toEqual({ code: 'NO_CAPABLE_WORKER', error, details, nodeId: 'node-1', projectId: 'high', requestId: 'r' });
    const response = await api.fetch('/v1/generations', { method: 'POST', body: JSON.stringify({ ...GENERATION, projectId: 'high' }) });
    expect([response.status, response.headers.get('retry-after'), await response.json()]).toEqual([503, null, expect.objectContaining({ code: 'NO_CAPABLE_WORKER', detail: error, details })]);
    const batch = await client.request('start_batch', { projectId: 'high', items: [GENERATION, { ...UPSCALE, nodeId: 'node-2' }, GENERATION] });
    expect(batch['tasks']).toMatchObject([{ nodeId: 'node-1', code: 'NO_CAPABLE_WORKER', error, details }, { nodeId: 'node-2', status: 'queued' }, { nodeId: 'node-1', code: 'NO_CAPABLE_WORKER' }]);
  });

  test('leaves nothing but its request id, which starts the task once somebody could run it', async () => {
    await come('h-1', [8]);
    const before = (await api.redis.keys('task:*')).length;
    expect(await start('high', { ...GENERATION, requestId: 'later' })).toMatchObject({ code: 'NO_CAPABLE_WORKER' });
    expect(await api.redis.keys('task:*')).toHaveLength(before);
    expect(await client.request('subscribe_project', { projectId: 'high' })).toMatchObject({ tasks: expect.not.arrayContaining([expect.objectContaining({ requestId: 'later' })]) });
    await come('h-2', [24]);
    const started = await start('high', { ...GENERATION, requestId: 'later' });
    expect(started).toMatchObject({ status: 'queued' });
    // What has been started is answered for, whoever there is by now.
    await hosts[1]?.leave();
    await api.redis.zrem('hosts', 'h-2');
    await waitFor('the host to be forgotten', async () => (await start('high'))['code'] === 'NO_CAPABLE_WORKER');
    expect(await start('high', { ...GENERATION, requestId: 'later' })).toMatchObject({ status: 'queued', taskId: started['taskId'] });
  });

  test.each<[string, (readonly number[])[], keyof typeof TIERS, object, string]>([
    ['small enough', [[8], [12]], 'low', GENERATION, 'queued'],
    ['large enough only if taken together', [[16, 8]], 'high', GENERATION, 'NO_CAPABLE_WORKER'],
    ['enough on two devices, and the pipeline can spread', [[24, 24]], 'premium', GENERATION, 'queued'],
    ['enough on devices of two hosts', [[24], [24]], 'premium', GENERATION, 'NO_CAPABLE_WORKER'],
    ['no GPU, and none is needed', [[]], 'high', UPSCALE, 'queued'],
    ['no GPU, and one is needed', [[]], 'low', GENERATION, 'NO_CAPABLE_WORKER'],
    ['nobody at all', [], 'premium', GENERATION, 'queued'],
  ])('%s', async (_what, there, projectId, request, outcome) => {
    for (const [index, gib] of there.entries()) await come(`t-${index}`, gib);
    const answer = await start(projectId, request);
    expect(answer['code'] ?? answer['status']).toBe(outcome);
  });

  test('is let in where a host that could was heard of a moment ago', async () => {
    await come('h-1', [8]);
    const big = await come('h-2', [24]);
    await big.leave();
    expect(await start('high')).toMatchObject({ status: 'queued' });
    expect(await start('premium')).toMatchObject({ code: 'NO_CAPABLE_WORKER' });
    // As long ago as the longest wait, and a little.
    await api.redis.zadd('hosts', Date.now() - 601_000, 'h-2');
    expect(await start('high')).toMatchObject({ code: 'NO_CAPABLE_WORKER' });
  });

  test('what is leased does not count: it waits for that', async () => {
    const host = await come('h-1', [24]);
    await host.lease('busy', { 'gpu:GPU-h-1-0': 24 * GIB });
    expect(await start('high')).toMatchObject({ status: 'queued' });
  });
});
