import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { gpuResource, type SchedulerMessage } from '@function-runner/scheduling';
import { keys, schedulerChannel, type TaskEvent } from '@function-runner/progress-protocol';
import { LearnedDemand, type TaskIdentity } from '@function-runner/task-store';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { AnnouncedHost } from '../announced-host.fixture.js';
import { ApiFixture, type RecordingClient } from '../api.fixture.js';

const GIB = 1024 ** 3;
/** In the tier `high`: 24 GiB on one GPU, three at once. */
const NODE = { nodeId: 'node-1', nodeType: 'image_generation', projectId: 'film', parameters: {} };
const WAITING = 'waiting for 24 GiB on host box h-1';

let redis: RedisFixture;
let api: ApiFixture;
let client: RecordingClient;
const others: ApiFixture[] = [];
const hosts: AnnouncedHost[] = [];

beforeEach(async () => {
  redis = await RedisFixture.start();
  api = await startApi();
  await api.putProject('film', 'high');
  client = await api.connect();
});

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.leave();
  for (const one of others.splice(0)) await one.dispose();
  await redis.stop();
});

/** An api that tells, or is ready to; a task that nobody can run is given up after three seconds. */
async function startApi(): Promise<ApiFixture> {
  const one = await ApiFixture.start(redis, { CAPABLE_WORKER_WAIT: '3s' }, { narrated: true });
  others.push(one);
  return one;
}

async function come(hostId: string, gib: readonly number[]): Promise<AnnouncedHost> {
  const host = await AnnouncedHost.come(api.redis, hostId, gib);
  hosts.push(host);
  return host;
}

/** A host with one GPU of 24 GiB, of which somebody has half. */
async function comeBusy(): Promise<AnnouncedHost> {
  const host = await come('h-1', [24]);
  await host.lease('somebody', { [gpuResource('GPU-h-1-0')]: 12 * GIB });
  return host;
}

async function start(request: object = NODE): Promise<TaskIdentity> {
  const { taskId, nodeId } = await client.request('start_generation', request);
  return { taskId: String(taskId), nodeId: String(nodeId), projectId: 'film' };
}

/** Does what a worker does that takes a job: it leaves its place, is locked and said to be taken. */
async function take({ taskId }: TaskIdentity): Promise<void> {
  const queue = 'bull:quality_high';
  await api.redis.multi().lrem(`${queue}:wait`, 0, taskId).lpush(`${queue}:active`, taskId).set(`${queue}:${taskId}:lock`, 'token', 'PX', 60_000).exec();
  await say({ kind: 'taken', host: 'h-1', worker: 'worker-of-h-1', tasks: [{ taskId, resources: [gpuResource('GPU-h-1-0')] }] });
}

async function say(message: SchedulerMessage): Promise<void> {
  await api.redis.publish(schedulerChannel, JSON.stringify(message));
}

const log = (task: TaskIdentity): Promise<TaskEvent[]> => api.store.events(task.taskId, 0);
const told = (task: TaskIdentity, match: Record<string, unknown>): Promise<Record<string, unknown>> =>
  client.waitForEvent('task_progress', (payload) => payload['taskId'] === task.taskId && Object.entries(match).every(([name, value]) => payload[name] === value));
const metric = async (of: ApiFixture, line: string): Promise<number> => {
  const text = await (await of.fetch('/metrics')).text();
  return Number(text.split('\n').find((one) => one.startsWith(`${line} `))?.slice(line.length + 1));
};
const waits = (of: ApiFixture): Promise<number> => metric(of, 'function_runner_waiting_tasks{tier="high",reason="capacity"}');

describe('a task that waits', () => {
  test('is told its place and what it waits for, and moves up as others are taken', async () => {
    await comeBusy();
    const again = { ...NODE, requestId: 'again' };
    const tasks = [await start(), await start({ ...NODE, nodeId: 'node-2' }), await start(again)];
    const [first, second, third] = tasks;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three tasks were started');
    expect(await told(second, { step: WAITING })).toEqual({
      taskId: second.taskId, nodeId: 'node-2', projectId: 'film', seq: 2, attempt: 0, progress: 0, status: 'queued', step: WAITING, queuePosition: 2, timestamp: expect.any(String),
    });
    await told(third, { step: WAITING, queuePosition: 3 });
    await waitFor('the gauge', async () => (await waits(api)) === 3);
    expect(await metric(api, 'function_runner_queue_events_total')).toBeGreaterThanOrEqual(3);

    await take(first);
    await told(second, { queuePosition: 1 });
    await told(third, { queuePosition: 2 });
    await take(second);
    await told(third, { queuePosition: 1 });
    expect(await api.store.read(third.taskId)).toMatchObject({ state: 'queued', step: WAITING });
    // A repeated request is answered with the place that was told last.
    expect(await client.request('start_generation', again)).toMatchObject({ taskId: third.taskId, queuePosition: 1 });
    const places = (await log(third)).map((event) => ('queue_position' in event ? event.queue_position : undefined));
    expect(places).toEqual([...places].sort((a, b) => Number(b) - Number(a)));
  });

  test('is told of another reason, such as its tier’s limit', async () => {
    await come('h-1', [24, 24, 24, 24]);
    const tasks = [await start(), await start(), await start(), await start()];
    const last = tasks[3];
    if (last === undefined) throw new Error('four tasks were started');
    await told(last, { step: '3 high tasks run, as many as may at once', queuePosition: 4 });
  });

  test('is told that nobody is there, and then what it waits for', async () => {
    const task = await start();
    await told(task, { step: 'no worker is there' });
    await comeBusy();
    await told(task, { step: WAITING });
  });

  test('is told when it may start, by what was learned of such runs', async () => {
    const host = await come('h-1', [24]);
    const learned = new LearnedDemand(api.redis);
    await learned.record('auteur-flux:1.0-high-fidelity', 'high', { durationMs: 100_000 });
    const running = await start();
    await take(running);
    await api.store.begin(running, 'worker-of-h-1', 3);
    await host.lease(running.taskId, { [gpuResource('GPU-h-1-0')]: 24 * GIB });
    const task = await start();
    const { etaSeconds } = await told(task, { step: WAITING });
    expect(etaSeconds).toBeGreaterThan(50);
    expect(etaSeconds).toBeLessThanOrEqual(100);
  });

  test('found waiting by a look alone is told, whatever is said on the channel', async () => {
    await comeBusy();
    for (const junk of ['', '{', '[]', '{"kind":"waiting"}', '{"kind":"taken","tasks":7}', '{"kind":"ended"}', 'null']) await api.redis.publish(schedulerChannel, junk);
    const task = await start();
    // A message that is wrong: nobody has taken it.
    await say({ kind: 'taken', host: 'h-1', worker: 'w', tasks: [{ taskId: task.taskId, resources: [] }] });
    await told(task, { step: WAITING, queuePosition: 1 });
  });

  test('is told once Redis is back, after it was gone', async () => {
    await comeBusy();
    const task = await start();
    await told(task, { queuePosition: 1, step: WAITING });
    await redis.halt('SIGKILL');
    await redis.resume();
    const other = await waitFor('a task to be started again', async () => {
      const { taskId } = await client.request('start_generation', NODE);
      return typeof taskId === 'string' ? { ...task, taskId } : undefined;
    });
    await told(other, { step: WAITING });
  });

  test('is told nothing where it starts at once', async () => {
    await comeBusy();
    const [quick, slow] = [await start(), await start()];
    await take(quick);
    await api.store.begin(quick, 'worker-of-h-1', 3);
    await told(slow, { step: WAITING });
    expect((await log(quick)).map(({ status }) => status)).toEqual(['queued', 'preparing']);
  });

  test('is told nothing after its start, whenever that comes', async () => {
    await comeBusy();
    const tasks: TaskIdentity[] = [];
    for (let nth = 0; nth < 40; nth += 1) tasks.push(await start());
    const news = (): Promise<number> => metric(api, 'function_runner_queue_events_total');
    // Taken ten at a time just when the others are being told, as they are since the last ten were taken.
    for (let first = 0; first < tasks.length; first += 10) {
      const before = await news();
      await Promise.all(tasks.slice(first, first + 10).map(async (task) => {
        await take(task);
        await api.store.begin(task, 'worker-of-h-1', 3);
      }));
      if (first + 10 < tasks.length) await waitFor('news', async () => (await news()) > before);
    }
    const logs = await Promise.all(tasks.map(log));
    expect(logs.filter((events) => events[1]?.status === 'queued').length).toBeGreaterThan(10);
    for (const events of logs) {
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_unused, index) => index + 1));
      expect(events.map(({ status }) => status).lastIndexOf('queued')).toBeLessThan(events.findIndex(({ status }) => status === 'preparing'));
    }
  });
});

describe('a task that nobody could run for too long', () => {
  const jobOf = ({ taskId }: TaskIdentity): Promise<number> => api.redis.exists(`bull:quality_high:${taskId}`);

  test('waits for the host that is away, and is given up when it stays away', async () => {
    await come('h-2', [8]);
    const host = await come('h-1', [24]);
    const task = await start();
    await host.leave();
    await told(task, { queuePosition: 1 });
    const ended = await client.waitForEvent('task_failed', ({ taskId }) => taskId === task.taskId);
    expect(ended).toMatchObject({ code: 'NO_CAPABLE_WORKER', retryable: false, error: expect.stringMatching(/there for 3 s: it needs 24 GiB on one GPU.*8 GiB.*start a worker/), logTail: [] });
    expect(await jobOf(task)).toBe(0);
    expect(await api.redis.exists(keys.givenUp)).toBe(0);
    await waitFor('the gauge', async () => (await waits(api)) === 0);
  });

  test('is not given up when the host comes back in time', async () => {
    const host = await come('h-1', [24]);
    await host.lease('somebody', { [gpuResource('GPU-h-1-0')]: 12 * GIB });
    await come('h-2', [8]);
    const task = await start();
    await host.leave();
    await waitFor('the reason', async () => (await api.store.read(task.taskId))?.step.startsWith('no host can run it'));
    await host.return();
    await told(task, { step: WAITING });
    // One that came after it, and whose host stays away, tells when its time would have been over.
    await api.putProject('large-film', 'premium');
    const large = await come('h-3', [48]);
    const other = await client.request('start_generation', { ...NODE, projectId: 'large-film' });
    await large.leave();
    await client.waitForEvent('task_failed', ({ taskId }) => taskId === other['taskId']);
    expect(await api.store.read(task.taskId)).toMatchObject({ state: 'queued', step: WAITING });
  });

  test('ends where no worker was there at all', async () => {
    const task = await start();
    expect(await client.waitForEvent('task_failed', ({ taskId }) => taskId === task.taskId)).toMatchObject({ code: 'NO_CAPABLE_WORKER', error: expect.stringMatching(/^no worker was there for 3 s; start one/) });
    expect(await jobOf(task)).toBe(0);
  });

  test('is left to the worker that has its job', async () => {
    const task = await start();
    const other = await start();
    // Taken, and nobody was told; the job lies where a look finds it waiting, as in the moment between the two.
    await api.redis.set(`bull:quality_high:${task.taskId}:lock`, 'token', 'PX', 60_000);
    await client.waitForEvent('task_failed', ({ taskId }) => taskId === other.taskId);
    expect(await api.store.begin(task, 'worker-1', 3)).toEqual({ kind: 'started', attempt: 1 });
    await api.complete(task, 1);
    expect((await log(task)).at(-1)).toMatchObject({ status: 'completed' });
  });
});

describe('several api processes', () => {
  test('one tells, and the next takes over when it goes', async () => {
    await comeBusy();
    const second = await startApi();
    const [task, behind] = [await start(), await start()];
    await told(behind, { step: WAITING, queuePosition: 2 });
    const counts = await Promise.all([api, second].map((one) => metric(one, 'function_runner_queue_events_total')));
    expect(counts.filter((count) => count > 0)).toHaveLength(1);
    await waitFor('the gauge', async () => (await waits(api)) + (await waits(second)) === 2);
    await api.stop();
    client = await second.connect();
    await client.request('resume_task', { taskId: behind.taskId });
    await take(task);
    await told(behind, { queuePosition: 1 });
    await waitFor('the gauge of the other', async () => (await waits(second)) === 1);
  });
});
