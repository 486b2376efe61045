import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { keys } from '@function-runner/progress-protocol';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { LeaseBook } from '@function-runner/lease-book';
import { connectRedis, WorkerRegistry } from '@function-runner/task-store';
import { ApiFixture } from '../api.fixture.js';
import { workerFacts } from '../worker-facts.fixture.js';

const GIB = 1024 ** 3;
const NODE = { nodeId: 'node-1', nodeType: 'image_upscale', projectId: 'film', parameters: {} };

let redis: RedisFixture;
let api: ApiFixture;

beforeAll(async () => {
  redis = await RedisFixture.start();
  api = await ApiFixture.start(redis, { MAX_PAYLOAD: '64Ki' });
  await api.putProject('film', 'low');
});

afterAll(async () => {
  await api.dispose();
  await redis.stop();
});

async function start(body: object = NODE): Promise<{ taskId: string; nodeId: string; projectId: string }> {
  const response = await api.fetch('/v1/generations', { method: 'POST', body: JSON.stringify(body) });
  const { taskId } = (await response.json()) as { taskId: string };
  expect(response.status).toBe(202);
  expect(response.headers.get('location')).toBe(`/v1/tasks/${taskId}`);
  return { taskId, nodeId: 'node-1', projectId: 'film' };
}

/** Reads a stream of server-sent events to its end. */
async function readStream(response: Response): Promise<{ id: number; event: string; data: Record<string, unknown> }[]> {
  return (await response.text()).split('\n\n').filter((block) => block.startsWith('id:')).map((block) => {
    const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block) ?? [];
    return { id: Number(id), event: event ?? '', data: JSON.parse(data ?? '{}') as Record<string, unknown> };
  });
}

describe('tasks over REST', () => {
  test('start, read, list, cancel', async () => {
    const { taskId } = await start({ ...NODE, requestId: 'r1' });
    expect((await start({ ...NODE, requestId: 'r1' })).taskId).toBe(taskId);
    expect(await (await api.fetch(`/v1/tasks/${taskId}`)).json()).toMatchObject({ taskId, status: 'queued', lastSeq: 1, quality: 'low', nodeType: 'image_upscale', requestId: 'r1' });
    const cancelled = await api.fetch(`/v1/tasks/${taskId}`, { method: 'DELETE' });
    expect([cancelled.status, await cancelled.json()]).toEqual([200, { taskId, status: 'cancelled' }]);
    const running = await start();
    await api.store.begin(running, 'worker-1', 3);
    const cancelling = await api.fetch(`/v1/tasks/${running.taskId}`, { method: 'DELETE' });
    expect([cancelling.status, await cancelling.json()]).toEqual([202, { taskId: running.taskId, status: 'cancelling' }]);
    const list = async (query: string): Promise<unknown[]> => ((await (await api.fetch(`/v1/tasks?${query}`)).json()) as { tasks: { taskId: string }[] }).tasks.map((task) => task.taskId);
    expect(await list('projectId=film')).toEqual([running.taskId, taskId]);
    expect(await list('projectId=film&status=cancelled')).toEqual([taskId]);
    expect(await list('projectId=film&limit=1')).toEqual([running.taskId]);
    expect(await list('projectId=other')).toEqual([]);
  });

  test('a project’s history comes in pages that lead to each other, while more is submitted', async () => {
    await api.putProject('long-film', 'low');
    const begin = (): Promise<{ taskId: string }> => start({ ...NODE, projectId: 'long-film' });
    const tasks: string[] = [];
    for (let count = 0; count < 25; count += 1) tasks.push((await begin()).taskId);
    for (const taskId of tasks.filter((_taskId, index) => index % 4 === 0)) await api.fetch(`/v1/tasks/${taskId}`, { method: 'DELETE' });
    const pages = async (query: string): Promise<string[][]> => {
      const found: string[][] = [];
      for (let cursor: string | undefined = ''; cursor !== undefined; ) {
        const page = (await (await api.fetch(`/v1/tasks?projectId=long-film&${query}${cursor === '' ? '' : `&cursor=${cursor}`}`)).json()) as { tasks: { taskId: string }[]; nextCursor?: string };
        found.push(page.tasks.map(({ taskId }) => taskId));
        cursor = page.nextCursor;
        if (query.startsWith('limit')) await begin();
      }
      return found;
    };
    const cancelled = await pages('status=cancelled&limit=3');
    expect([cancelled.length, cancelled.flat()]).toEqual([3, tasks.filter((_taskId, index) => index % 4 === 0).reverse()]);
    const all = await pages('limit=10');
    expect([all.length, all.flat()]).toEqual([3, [...tasks].reverse()]);
  });

  test('server-sent events: live to the end, and from Last-Event-ID', async () => {
    const task = await start();
    const live = await api.fetch(`/v1/tasks/${task.taskId}/events`);
    expect(live.headers.get('content-type')).toBe('text/event-stream');
    const reading = readStream(live);
    await api.runTask(task, 50);
    const events = await reading;
    expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 53 }, (_unused, index) => index + 1));
    expect(events[0]).toMatchObject({ event: 'task_progress', data: { taskId: task.taskId, seq: 1, status: 'queued' } });
    expect(events.at(-1)).toMatchObject({ event: 'task_success', data: { seq: 53, status: 'completed', result: { outputPath: '/workspace/x' } } });
    const rest = await readStream(await api.fetch(`/v1/tasks/${task.taskId}/events`, { headers: { 'Last-Event-ID': '51' } }));
    expect(rest.map(({ id }) => id)).toEqual([52, 53]);
    const wrong = await api.fetch(`/v1/tasks/${task.taskId}/events`, { headers: { 'Last-Event-ID': 'x' } });
    expect([wrong.status, wrong.headers.get('content-type')]).toEqual([400, 'application/problem+json; charset=utf-8']);
  });

  test('Event stream trimmed (XTRIM): whoever follows gets what is there, then what comes, to the end; nobody is left waiting', async () => {
    const task = await start();
    await api.store.begin(task, 'worker-1', 3);
    for (let report = 1; report <= 10; report += 1) await api.store.append(task, 1, 'running', { progress: report, step: 'x' });
    expect(await api.redis.xtrim(keys.events(task.taskId), 'MAXLEN', 4)).toBe(8);
    const [fromStart, fromLater] = await Promise.all([0, 11].map((seq) => api.fetch(`/v1/tasks/${task.taskId}/events`, { headers: { 'Last-Event-ID': String(seq) } })));
    if (fromStart === undefined || fromLater === undefined) throw new Error('no stream');
    const reading = Promise.all([fromStart, fromLater].map(readStream));
    await api.store.append(task, 1, 'running', { progress: 50, step: 'x' });
    await api.complete(task, 1);
    expect((await reading).map((events) => events.map(({ id }) => id))).toEqual([[9, 10, 11, 12, 13, 14], [12, 13, 14]]);
    // Of an ended task nothing may be left at all: the stream ends at once, and the task tells how it ended.
    await api.redis.xtrim(keys.events(task.taskId), 'MAXLEN', 0);
    expect(await readStream(await api.fetch(`/v1/tasks/${task.taskId}/events`))).toEqual([]);
    expect(await (await api.fetch(`/v1/tasks/${task.taskId}`)).json()).toMatchObject({ status: 'completed', lastSeq: 14, result: { outputPath: '/workspace/x' } });
  });

  test('a stream that its client leaves is forgotten', async () => {
    const task = await start();
    const leaving = new AbortController();
    await api.fetch(`/v1/tasks/${task.taskId}/events`, { signal: leaving.signal });
    const watched = async (): Promise<string | undefined> => /function_runner_watched_tasks (\d+)/.exec(await (await api.fetch('/metrics')).text())?.[1];
    expect(await watched()).toBe('1');
    leaving.abort();
    await waitFor('the task to be let go', async () => (await watched()) === '0');
  });
});

describe('projects, pipelines, models, docs', () => {
  test('a project is put and read', async () => {
    const put = await api.fetch('/v1/projects/p-1', { method: 'PUT', body: JSON.stringify({ name: 'Night Shoot' }) });
    expect([put.status, await put.json()]).toEqual([200, { id: 'p-1', name: 'Night Shoot', quality: 'standard' }]);
    expect(await (await api.fetch('/v1/projects/p-1')).json()).toEqual({ id: 'p-1', name: 'Night Shoot', quality: 'standard' });
  });

  test('what can be run', async () => {
    const { pipelines } = (await (await api.fetch('/v1/pipelines')).json()) as { pipelines: unknown[] };
    expect(pipelines).toHaveLength(8);
    expect(pipelines).toContainEqual(expect.objectContaining({ tier: 'low', nodeType: 'image_upscale', pipelineId: 'image-upscale:1.0-low', maxConcurrent: 1, timeoutSeconds: 900, queue: 'quality_low', described: false }));
    expect(await (await api.fetch('/v1/models')).json()).toEqual({ models: [] });
  });

  test('the workers that live, and no longer', async () => {
    const connection = connectRedis(redis.url, 'worker', () => undefined);
    try {
      const registry = new WorkerRegistry(connection);
      const facts = workerFacts('w-1', { gib: [24, 8], warm: 2, startedAt: new Date().toISOString() });
      await registry.announce(facts);
      const book = new LeaseBook(connection, facts.hostId, { ttlMs: 60_000 });
      await book.declare({ cpu: 8000, memory: 32 * GIB, 'gpu:GPU-h-1-0': 24 * GIB, 'gpu:GPU-h-1-1': 8 * GIB });
      const lease = { holder: 'w-1', taskId: 't', pipelineId: 'p:1' };
      await book.acquire([
        { ...lease, id: 'a', purpose: 'task', amounts: { cpu: 1000, memory: GIB } },
        { ...lease, id: 'b', purpose: 'warm', amounts: { 'gpu:GPU-h-1-0': 12 * GIB } },
      ]);
      const [device, other] = facts.devices;
      const host = {
        hostId: 'h-1', name: 'box h-1', devices: [{ ...device, leasedBytes: 12 * GIB }, { ...other, leasedBytes: 0 }],
        cpu: { total: 8000, leased: 1000 }, memory: { total: 32 * GIB, leased: GIB }, warm: 1,
      };
      expect(await (await api.fetch('/v1/workers')).json()).toEqual({ workers: [facts], hosts: [{ ...host, alive: true }] });
      await registry.leave('w-1');
      // What it had leased stands in the book until somebody has seen that it is free.
      expect(await (await api.fetch('/v1/workers')).json()).toEqual({ workers: [], hosts: [{ ...host, alive: false }] });
    } finally {
      connection.disconnect();
    }
  });

  test('the document names every route, and the page loads', async () => {
    const document = (await (await api.fetch('/docs-json')).json()) as { paths: Record<string, Record<string, unknown>>; components: { schemas: Record<string, { properties: object }> } };
    expect(Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`)).sort()).toEqual([
      'delete /v1/tasks/{id}', 'get /health/live', 'get /health/ready', 'get /metrics', 'get /v1/models', 'get /v1/pipelines', 'get /v1/projects/{id}',
      'get /v1/tasks', 'get /v1/tasks/{id}', 'get /v1/tasks/{id}/events', 'get /v1/workers', 'post /v1/generations', 'put /v1/projects/{id}',
    ]);
    expect(Object.keys(document.components.schemas['Host']?.properties ?? {}).sort()).toEqual(['alive', 'cpu', 'devices', 'hostId', 'memory', 'name', 'warm']);
    expect(Object.keys(document.components.schemas['Worker']?.properties ?? {}).sort()).toEqual(Object.keys(workerFacts('w')).sort());
    expect(Object.keys(document.components.schemas['StartGeneration']?.properties ?? {}).sort()).toEqual(['nodeId', 'nodeType', 'parameters', 'priority', 'projectId', 'requestId']);
    for (const path of ['/docs', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js']) expect((await api.fetch(path)).status).toBe(200);
  });

  test('metrics are in base units and name no task', async () => {
    const task = await start();
    const text = await (await api.fetch('/metrics')).text();
    expect(text).toContain('function_runner_requests_total{name="GenerationsController.start",outcome="ok"}');
    expect(text).toContain('function_runner_acknowledgement_seconds_bucket');
    expect(text).toContain('function_runner_waiting_tasks{tier="low",reason="capacity"} 0');
    expect(text).toContain('function_runner_queue_events_total 0');
    expect(text).not.toContain(task.taskId);
  });
});

describe('problem details', () => {
  test.each<[string, RequestInit, number, string]>([
    ['/v1/nowhere', {}, 404, 'VALIDATION_FAILED'],
    ['/v1/generations', { method: 'POST', body: '{broken' }, 400, 'VALIDATION_FAILED'],
    ['/v1/generations', { method: 'POST', body: '[]' }, 400, 'VALIDATION_FAILED'],
    ['/v1/generations', { method: 'POST', body: JSON.stringify({ ...NODE, nodeId: '' }) }, 400, 'VALIDATION_FAILED'],
    ['/v1/generations', { method: 'POST', body: JSON.stringify({ ...NODE, nodeType: 'paint' }) }, 400, 'UNKNOWN_NODE_TYPE'],
    ['/v1/generations', { method: 'POST', body: JSON.stringify({ ...NODE, projectId: 'nobody' }) }, 404, 'PROJECT_NOT_FOUND'],
    ['/v1/generations', { method: 'POST', body: JSON.stringify({ ...NODE, parameters: { text: 'x'.repeat(70_000) } }) }, 413, 'PAYLOAD_TOO_LARGE'],
    ['/v1/generations', { method: 'POST', body: '{"a":'.repeat(2000) + '1' + '}'.repeat(2000) }, 400, 'VALIDATION_FAILED'],
    ['/v1/tasks', {}, 400, 'VALIDATION_FAILED'],
    ['/v1/tasks?projectId=film&limit=0', {}, 400, 'VALIDATION_FAILED'],
    ['/v1/tasks?projectId=film&cursor=nonsense', {}, 400, 'VALIDATION_FAILED'],
    ['/v1/tasks?projectId=film&status=odd', {}, 400, 'VALIDATION_FAILED'],
    ['/v1/tasks/not-an-id', {}, 404, 'TASK_NOT_FOUND'],
    ['/v1/tasks/..%2Fprojects', {}, 404, 'TASK_NOT_FOUND'],
    ['/v1/tasks/not-an-id/events', {}, 404, 'TASK_NOT_FOUND'],
    ['/v1/tasks/not-an-id', { method: 'DELETE' }, 404, 'TASK_NOT_FOUND'],
    ['/v1/projects/nobody', {}, 404, 'PROJECT_NOT_FOUND'],
    ['/v1/projects/a%2Fb', { method: 'PUT', body: '{"name":"x"}' }, 400, 'VALIDATION_FAILED'],
    ['/v1/projects/ok', { method: 'PUT', body: '{"name":"../x"}' }, 400, 'VALIDATION_FAILED'],
    ['/docs/package.json', {}, 400, 'VALIDATION_FAILED'],
  ])('%s %#', async (path, init, status, code) => {
    const response = await api.fetch(path, init);
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ type: `urn:function-runner:problem:${code}`, title: expect.any(String), status, detail: expect.any(String), code });
  });
});
