import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Queue } from 'bullmq';
import { keys } from '@function-runner/progress-protocol';
import { queueName } from '@function-runner/task-contract';
import { RedisFixture, TcpProxy, waitFor } from '@function-runner/testing';
import { v7 as uuidv7 } from 'uuid';
import { ApiFixture, seqs, type RecordingClient } from '../api.fixture.js';

const NODE = { nodeId: 'node-1', nodeType: 'image_upscale', projectId: 'film', parameters: { input: 'a.png' } };

let redis: RedisFixture;
let api: ApiFixture;
let client: RecordingClient;
const opened: ApiFixture[] = [];

beforeAll(async () => {
  redis = await RedisFixture.start();
  api = await ApiFixture.start(redis, { MAX_PAYLOAD: '64Ki' });
  await api.putProject('film', 'High');
  client = await api.connect();
});

afterEach(async () => {
  for (const other of opened.splice(0)) await other.dispose();
});

afterAll(async () => {
  await api.dispose();
  await redis.stop();
});

async function secondApi(environment: Record<string, string> = {}): Promise<ApiFixture> {
  const other = await ApiFixture.start(redis, environment);
  opened.push(other);
  return other;
}

function identity(acknowledged: Record<string, unknown>): { taskId: string; nodeId: string; projectId: string } {
  return { taskId: String(acknowledged['taskId']), nodeId: String(acknowledged['nodeId']), projectId: 'film' };
}

describe('start_generation', () => {
  test('answers by callback and by event, before any event of the task, and queues the payload of the protocol', async () => {
    const acknowledged = await client.request('start_generation', { ...NODE, requestId: 'first', priority: 'low' });
    expect(acknowledged).toEqual({
      taskId: expect.any(String), nodeId: 'node-1', status: 'queued', quality: 'high', pipelineId: 'image-upscale:1.0-high', queuePosition: 1, requestId: 'first',
    });
    const { taskId } = acknowledged;
    await client.waitForEvent('task_progress', (payload) => payload['taskId'] === taskId);
    const ofTask = client.received.filter(({ payload }) => payload['taskId'] === taskId);
    expect(ofTask.map(({ name }) => name)).toEqual(['task_acknowledged', 'task_progress']);
    expect(ofTask[0]?.payload).toEqual(acknowledged);
    expect(ofTask[1]?.payload).toMatchObject({ seq: 1, status: 'queued', attempt: 0, queuePosition: 1 });

    const queue = new Queue(queueName('high'), { connection: api.redis });
    const job = await queue.getJob(String(taskId));
    expect(job?.opts).toMatchObject({ priority: 2, attempts: 3, removeOnComplete: true, removeOnFail: true });
    expect(job?.data).toEqual({
      pipeline_id: 'image-upscale:1.0-high', node_type: 'image_upscale',
      parameters: { input: 'a.png', node_id: 'node-1', project_id: 'film', output_path: '/workspace/Film film/outputs/renders/node-1' },
      config: { pipeline_id: 'image-upscale:1.0-high', container_image: 'function-runner/image-upscale:1.0', target_vram: 0, optimizations: ['esrgan-medium', 'x4'], timeout_seconds: 1800 },
      demand: { gpus: 0, vram_bytes: 0, splittable: false, cpu_millis: 0, memory_bytes: 512 * 1024 ** 2 },
      workspace_path: '/workspace', submitted_at: expect.stringMatching(/^\d{4}-.*Z$/), trace: { request_id: 'first', project_name: 'Film film', quality: 'high' },
    });
    expect(await queue.getGlobalConcurrency()).toBe(3);
    await queue.close();
  });

  test.each<[string, unknown, string, RegExp]>([
    ['no payload', undefined, 'VALIDATION_FAILED', /JSON object/],
    ['a number', 42, 'VALIDATION_FAILED', /JSON object/],
    ['a list', [1, 2], 'VALIDATION_FAILED', /JSON object/],
    ['nothing in it', {}, 'VALIDATION_FAILED', /nodeId must be an id.*nodeType.*projectId.*parameters must be an object/],
    ['a node id that is a path', { ...NODE, nodeId: '../up' }, 'VALIDATION_FAILED', /nodeId must be an id/],
    ['parameters that are a list', { ...NODE, parameters: [] }, 'VALIDATION_FAILED', /parameters must be an object/],
    ['an odd request id', { ...NODE, requestId: 'a b' }, 'VALIDATION_FAILED', /requestId/],
    ['an unknown priority', { ...NODE, priority: 'urgent' }, 'VALIDATION_FAILED', /priority must be one of/],
    ['an unknown project', { ...NODE, projectId: 'nobody' }, 'PROJECT_NOT_FOUND', /PUT \/v1\/projects\/nobody/],
    ['an unknown node type', { ...NODE, nodeType: 'paint' }, 'UNKNOWN_NODE_TYPE', /image_generation, image_upscale/],
    ['a property of every object', { ...NODE, nodeType: 'constructor' }, 'UNKNOWN_NODE_TYPE', /constructor/],
    ['too large', { ...NODE, parameters: { text: 'x'.repeat(70_000) } }, 'PAYLOAD_TOO_LARGE', /65536/],
    ['much too large', { ...NODE, parameters: { text: 'x'.repeat(3_000_000) } }, 'PAYLOAD_TOO_LARGE', /65536/],
    ['too deep', { ...NODE, parameters: JSON.parse('{"a":'.repeat(1000) + '1' + '}'.repeat(1000)) as object }, 'VALIDATION_FAILED', /deep/],
  ])('refuses %s', async (_what, payload, code, sentence) => {
    const answer = await client.request('start_generation', payload);
    expect(answer).toMatchObject({ code, error: expect.stringMatching(sentence) });
    expect(client.received.at(-1)).toEqual({ name: 'task_error', payload: answer });
  });

  test('names the request in its error', async () => {
    const answer = await client.request('start_generation', { ...NODE, nodeType: 'paint', requestId: 'r-77' });
    expect(answer).toMatchObject({ nodeId: 'node-1', requestId: 'r-77', details: { knownNodeTypes: ['image_generation', 'image_upscale'] } });
  });

  test('survives junk: no callback, many arguments, binary, an ack that is none', async () => {
    const { socket } = client;
    socket.emit('start_generation');
    socket.emit('start_generation', null, 7, 'x');
    socket.emit('start_generation', Buffer.alloc(100));
    socket.emit('resume_task', { taskId: { $ne: 1 } }, { not: 'a function' });
    socket.emit('cancel_generation', '\u0000');
    socket.emit('no_such_request', {});
    expect(await client.request('start_generation', NODE)).toMatchObject({ status: 'queued' });
  });

  test('the same request id starts one task, also at once and through two processes', async () => {
    const other = await secondApi();
    const elsewhere = await other.connect();
    const request = { ...NODE, requestId: uuidv7() };
    const answers = await Promise.all([client.request('start_generation', request), elsewhere.request('start_generation', request), client.request('start_generation', request)]);
    const ids = new Set(answers.map(({ taskId }) => taskId));
    expect(ids.size).toBe(1);
    const [taskId] = ids;
    expect((await api.store.events(String(taskId), 0)).map(({ seq }) => seq)).toEqual([1]);
    // Both sockets follow the one task, each event once.
    await api.runTask(identity(answers[0] ?? {}), 2);
    await Promise.all([client, elsewhere].map((one) => one.waitForEvent('task_success', (payload) => payload['taskId'] === taskId)));
    expect(client.seqsOf(taskId)).toEqual(seqs(5));
    expect(elsewhere.seqsOf(taskId)).toEqual(seqs(5));
    // Later it is answered with where the task stands, and told the whole story.
    const late = await api.connect();
    expect(await late.request('start_generation', request)).toMatchObject({ taskId, status: 'completed' });
    await late.waitForEvent('task_success');
    expect(late.seqsOf(taskId)).toEqual(seqs(5));
  });

  test('a retry that meets its first try in flight is told the whole story, though the task ends before it is answered', async () => {
    const proxy = await TcpProxy.start({ port: redis.port });
    const far = await secondApi({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
    try {
      const retry = await far.connect();
      const request = { ...NODE, requestId: uuidv7() };
      // So late come the answers of Redis there: its claim of the request is the first, its task the second.
      proxy.delay(200);
      const late = retry.request('start_generation', request);
      await waitFor('the request to be claimed', () => api.redis.exists(keys.request('film', request.requestId)));
      const early = await client.request('start_generation', request);
      await api.runTask(identity(early), 1);
      expect((await api.store.read(String(early['taskId'])))?.state).toBe('completed');
      expect(await late).toMatchObject({ taskId: early['taskId'], status: 'completed', queuePosition: 0 });
      await retry.waitForEvent('task_success');
      expect(retry.seqsOf(early['taskId'])).toEqual(seqs(4));
      expect(await api.store.events(String(early['taskId']), 0)).toHaveLength(4);
    } finally {
      proxy.delay(0);
      await far.stop();
      await proxy.stop();
    }
  });

  test('a retry whose story could not be told is told it when it comes again', async () => {
    const own = await RedisFixture.start();
    try {
      const other = await ApiFixture.start(own);
      opened.push(other);
      await other.putProject('film', 'High');
      const request = { ...NODE, requestId: uuidv7() };
      const starter = await other.connect();
      const { taskId } = await starter.request('start_generation', request);
      starter.socket.disconnect();
      const retry = await other.connect();
      // Whether the channel of its project is whole is asked by PING, which only the telling needs.
      await other.redis.acl('SETUSER', 'default', '-ping');
      expect(await retry.request('start_generation', request)).toMatchObject({ taskId, status: 'queued' });
      expect(await retry.waitForEvent('task_error')).toMatchObject({ code: 'UNAVAILABLE' });
      expect(retry.seqsOf(taskId)).toEqual([]);
      await other.redis.acl('SETUSER', 'default', '+ping');
      expect(await retry.request('start_generation', request)).toMatchObject({ taskId, status: 'queued' });
      await retry.waitForEvent('task_progress');
      expect(retry.seqsOf(taskId)).toEqual([1]);
      await other.dispose();
    } finally {
      await own.stop();
    }
  });

  test('a reservation that a crash left without a task is taken up again', async () => {
    const reserved = uuidv7();
    await api.store.claimRequest('film', 'crashed', reserved);
    expect(await client.request('start_generation', { ...NODE, requestId: 'crashed' })).toMatchObject({ taskId: reserved, status: 'queued' });
  });

  test('a task that a crash left without a job gets it from the retry', async () => {
    const request = { ...NODE, requestId: 'half' };
    const { taskId } = await client.request('start_generation', request);
    const queue = new Queue(queueName('high'), { connection: api.redis });
    await queue.remove(String(taskId));
    expect(await client.request('start_generation', request)).toMatchObject({ taskId });
    expect(await queue.getJob(String(taskId))).toBeDefined();
    await queue.close();
  });

  test('a full queue refuses', async () => {
    const small = await secondApi({ QUEUE_LIMIT: '1', QUEUE_PREFIX: 'small' });
    const guest = await small.connect();
    expect(await guest.request('start_generation', NODE)).toMatchObject({ status: 'queued' });
    expect(await guest.request('start_generation', NODE)).toMatchObject({ code: 'QUEUE_FULL' });
  });
});

describe('cancel_generation', () => {
  test('ends a waiting task and removes its job', async () => {
    const { taskId } = await client.request('start_generation', NODE);
    expect(await client.request('cancel_generation', { taskId })).toEqual({ taskId, status: 'cancelled' });
    await client.waitForEvent('task_cancelled', (payload) => payload['taskId'] === taskId);
    const queue = new Queue(queueName('high'), { connection: api.redis });
    expect(await queue.getJob(String(taskId))).toBeUndefined();
    await queue.close();
    expect(await client.request('cancel_generation', { taskId })).toEqual({ taskId, status: 'cancelled' });
  });

  test('asks the worker of a running task', async () => {
    const acknowledged = await client.request('start_generation', NODE);
    await api.store.begin(identity(acknowledged), 'worker-1', 3);
    const { taskId } = acknowledged;
    expect(await client.request('cancel_generation', { taskId })).toEqual({ taskId, status: 'cancelling' });
    expect(await client.waitForEvent('task_progress', (payload) => payload['taskId'] === taskId && payload['status'] === 'cancelling')).toMatchObject({ seq: 3 });
  });

  test.each([
    [{ taskId: uuidv7() }, 'TASK_NOT_FOUND'],
    [{ batchId: 'no-such-batch' }, 'TASK_NOT_FOUND'],
    [{ taskId: 'x' }, 'VALIDATION_FAILED'],
    [{}, 'VALIDATION_FAILED'],
  ])('refuses %j with %s', async (payload, code) => {
    expect(await client.request('cancel_generation', payload)).toMatchObject({ code });
  });
});

describe('start_batch', () => {
  const items = [{ nodeId: 'a', nodeType: 'image_upscale', parameters: {} }, { nodeId: 'b', nodeType: 'paint', parameters: {} }, 'junk', { nodeId: 'c', nodeType: 'image_upscale', parameters: {} }];

  test('starts what it can, reports the whole, and starts nothing twice', async () => {
    const guest = await api.connect();
    const onlooker = await (await secondApi()).connect();
    await onlooker.request('subscribe_project', { projectId: 'film' });
    const batch = { batchId: 'dailies', projectId: 'film', items };
    const acknowledged = await guest.request('start_batch', batch);
    const tasks = acknowledged['tasks'] as Record<string, unknown>[];
    expect(tasks).toMatchObject([{ nodeId: 'a', status: 'queued' }, { nodeId: 'b', code: 'UNKNOWN_NODE_TYPE' }, { code: 'VALIDATION_FAILED' }, { nodeId: 'c', status: 'queued' }]);
    const again = await guest.request('start_batch', batch);
    expect((again['tasks'] as Record<string, unknown>[]).map(({ taskId }) => taskId)).toEqual(tasks.map(({ taskId }) => taskId));

    const [first, last] = [tasks[0], tasks[3]].map((task) => ({ ...identity(task ?? {}), batchId: 'dailies' }));
    if (first === undefined || last === undefined) throw new Error('two tasks were started');
    await api.runTask(first, 3);
    await waitFor('the report of the first', () => guest.named('batch_progress').find(({ completed }) => completed === 1));
    await guest.request('cancel_generation', { batchId: 'dailies' });
    for (const one of [guest, onlooker]) {
      const completed = await one.waitForEvent('batch_completed');
      expect(completed).toEqual({ batchId: 'dailies', total: 2, queued: 0, running: 0, completed: 1, failed: 0, cancelled: 1, progress: 100 });
      expect(one.seqsOf(first.taskId)).toEqual(seqs(6));
      expect(one.seqsOf(last.taskId)).toEqual(seqs(2));
      expect(one.named('batch_completed')).toHaveLength(1);
    }
  });

  test('that another process tracked, and died with, is told over: its end once to a client, however many of its tasks it takes up', async () => {
    const dead = await secondApi();
    const starter = await dead.connect();
    const wanted = ['a', 'b', 'c'].map((nodeId) => ({ nodeId, nodeType: 'image_upscale', parameters: {} }));
    const acknowledged = await starter.request('start_batch', { batchId: 'rushes', projectId: 'film', items: wanted });
    const tasks = (acknowledged['tasks'] as Record<string, unknown>[]).map((task) => ({ ...identity(task), batchId: 'rushes' }));
    const [first, second, third] = tasks;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three tasks were started');
    await dead.stop();
    await api.runTask(first, 1);
    // One comes back while the batch lives, another when it is over.
    const early = await api.connect();
    for (const { taskId } of tasks) await early.request('resume_task', { taskId });
    await waitFor('the report of the first', () => early.named('batch_progress').find(({ completed }) => completed === 1));
    await api.runTask(second, 1);
    await api.runTask(third, 1);
    await early.waitForEvent('batch_completed');
    for (const { taskId } of tasks) await early.request('resume_task', { taskId, lastSeq: 4 });
    const late = await api.connect();
    for (const { taskId } of tasks) await late.request('resume_task', { taskId });
    await late.waitForEvent('batch_completed');
    // Started again it is the same batch; gone on with, it ends anew.
    await late.request('start_batch', { batchId: 'rushes', projectId: 'film', items: wanted });
    for (const client of [early, late]) expect(client.named('batch_completed')).toEqual([{ batchId: 'rushes', total: 3, queued: 0, running: 0, completed: 3, failed: 0, cancelled: 0, progress: 100 }]);
    const more = await late.request('start_batch', { batchId: 'rushes', projectId: 'film', items: [...wanted, { nodeId: 'd', nodeType: 'image_upscale', parameters: {} }] });
    await api.runTask({ ...identity((more['tasks'] as Record<string, unknown>[])[3] ?? {}), batchId: 'rushes' }, 1);
    await waitFor('its new end', () => late.named('batch_completed').length === 2);
    expect(late.named('batch_completed')[1]).toMatchObject({ total: 4, completed: 4 });
  });

  test.each<[Record<string, unknown>, string]>([
    [{ projectId: 'film', items: [] }, 'VALIDATION_FAILED'],
    [{ projectId: 'film', items: Array.from({ length: 501 }, () => 0) }, 'VALIDATION_FAILED'],
    [{ projectId: 'film' }, 'VALIDATION_FAILED'],
    [{ batchId: '{x}', projectId: 'film', items }, 'VALIDATION_FAILED'],
  ])('refuses %#', async (payload, code) => {
    expect(await client.request('start_batch', payload)).toMatchObject({ code });
  });

  test('keeps a batch from another project’s hands', async () => {
    await api.putProject('rival');
    await client.request('start_batch', { batchId: 'mine', projectId: 'film', items: items.slice(0, 1) });
    expect(await client.request('start_batch', { batchId: 'mine', projectId: 'rival', items: items.slice(0, 1) })).toMatchObject({ code: 'VALIDATION_FAILED' });
  });
});

describe('the connection', () => {
  test('web pages of elsewhere stay out; those of this machine and programs come in', async () => {
    await expect(api.connect({ origin: 'https://evil.example' })).rejects.toThrow();
    expect((await api.connect({ origin: 'http://localhost:5173' })).socket.connected).toBe(true);
    const open = await secondApi({ ALLOWED_ORIGINS: 'https://editor.example' });
    expect((await open.connect({ origin: 'https://editor.example' })).socket.connected).toBe(true);
    await expect(open.connect({ origin: 'http://localhost:5173' })).rejects.toThrow();
  });

  test('a disconnect stops nothing', async () => {
    const guest = await api.connect();
    const acknowledged = await guest.request('start_generation', NODE);
    guest.socket.disconnect();
    await api.runTask(identity(acknowledged), 1);
    expect((await api.store.read(identity(acknowledged).taskId))?.state).toBe('completed');
    expect(await api.redis.pttl(keys.task(identity(acknowledged).taskId))).toBeGreaterThan(0);
  });
});
