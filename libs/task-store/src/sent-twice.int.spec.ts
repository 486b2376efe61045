import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { TaskEvent } from '@function-runner/progress-protocol';
import { RedisFixture, TcpProxy, waitFor } from '@function-runner/testing';
import { connectRedis } from './redis-connection.js';
import type { HeldTask, NewTask } from './task-record.js';
import { TaskStore, type TaskEnd } from './task-store.js';

const COMPLETED: TaskEnd = { state: 'completed', result: { outputPath: '/workspace/x', outputs: [], metadata: { pipelineId: 'p:1', durationMs: 5, queuedMs: 1, attempt: 1 } } };
const FAILED: TaskEnd = { state: 'failed', error: 'it broke', code: 'CONTAINER_EXITED', retryable: false, logTail: [] };
const GIVEN_UP: TaskEnd = { state: 'failed', error: 'nobody came', code: 'NO_CAPABLE_WORKER', retryable: false, logTail: [] };
const STANDING = { queuePosition: 2, etaSeconds: 5, step: 'waiting' };
const MOST_LOSSES = 3;

/** One write of a task, and what must have been before it. */
interface Write {
  name: string;
  before: (store: TaskStore, task: NewTask) => Promise<unknown>;
  write: (store: TaskStore, task: NewTask) => Promise<unknown>;
  /** The statuses of the task's events behind it, whatever was sent how often. */
  leaves: string[];
}

const nothing = (): Promise<void> => Promise.resolve();
/** Its answer says who made the task, and so is another one the second time. */
const create = async (store: TaskStore, task: NewTask): Promise<void> => void (await store.create(task, 1));
const begun = async (store: TaskStore, task: NewTask): Promise<void> => {
  await create(store, task);
  await store.begin(task, 'worker-1', MOST_LOSSES, 'token:1');
};
const running = async (store: TaskStore, task: NewTask): Promise<void> => {
  await begun(store, task);
  await store.append(task, 1, 'running', { progress: 10, step: 'tiles' });
};
const cancelling = async (store: TaskStore, task: NewTask): Promise<void> => {
  await begun(store, task);
  await store.cancel(task, 'enough');
};
const lostTwice = async (store: TaskStore, task: NewTask): Promise<void> => {
  for (const start of [1, 2, 3]) {
    if (start === 1) await create(store, task);
    await store.begin(task, `worker-${start}`, MOST_LOSSES, `token:${start}`);
  }
};

const WRITES: Write[] = [
  { name: 'create', before: nothing, write: create, leaves: ['queued'] },
  { name: 'begin', before: create, write: (store, task) => store.begin(task, 'worker-1', MOST_LOSSES, 'token:1'), leaves: ['queued', 'preparing'] },
  { name: 'begin of a lost task', before: running, write: (store, task) => store.begin(task, 'worker-2', MOST_LOSSES, 'token:2'), leaves: ['queued', 'preparing', 'running', 'preparing'] },
  { name: 'begin that ends a poisonous task', before: lostTwice, write: (store, task) => store.begin(task, 'worker-4', MOST_LOSSES, 'token:4'), leaves: ['queued', 'preparing', 'preparing', 'preparing', 'failed'] },
  { name: 'begin that carries out a cancel', before: cancelling, write: (store, task) => store.begin(task, 'worker-2', MOST_LOSSES, 'token:2'), leaves: ['queued', 'preparing', 'cancelling', 'cancelled'] },
  { name: 'finish as completed', before: running, write: (store, task) => store.finish({ ...task, claim: 'token:1' }, 1, COMPLETED), leaves: ['queued', 'preparing', 'running', 'completed'] },
  { name: 'finish as failed', before: running, write: (store, task) => store.finish(task, 1, FAILED), leaves: ['queued', 'preparing', 'running', 'failed'] },
  { name: 'finish as cancelled', before: cancelling, write: (store, task) => store.finish(task, 1, { state: 'cancelled', reason: 'enough' }), leaves: ['queued', 'preparing', 'cancelling', 'cancelled'] },
  { name: 'finish by the door', before: create, write: (store, task) => store.finish(task, undefined, FAILED), leaves: ['queued', 'failed'] },
  { name: 'finish of what waits', before: create, write: (store, task) => store.finish(task, 'none', GIVEN_UP), leaves: ['queued', 'failed'] },
  { name: 'cancel of what waits', before: create, write: (store, task) => store.cancel(task, 'enough'), leaves: ['queued', 'cancelled'] },
  { name: 'cancel of what runs', before: running, write: (store, task) => store.cancel(task, 'enough'), leaves: ['queued', 'preparing', 'running', 'cancelling'] },
  { name: 'release', before: running, write: (store, task) => store.release(task, 1, 'put back'), leaves: ['queued', 'preparing', 'running', 'queued'] },
  { name: 'release that carries out a cancel', before: cancelling, write: (store, task) => store.release(task, 1, 'put back'), leaves: ['queued', 'preparing', 'cancelling', 'cancelled'] },
];

/** What the caller cannot ask for twice, since each call is an event of its own; but a connection can send it twice. */
const EVENTS: Write[] = [
  { name: 'append', before: running, write: (store, task) => store.append(task, 1, 'running', { progress: 50, step: 'tiles' }), leaves: ['queued', 'preparing', 'running', 'running'] },
  {
    name: 'append of several in one turn', before: running, leaves: ['queued', 'preparing', 'running', 'running', 'running', 'running'],
    write: (store, task) => Promise.all([20, 30, 40].map((progress) => store.append(task, 1, 'running', { progress, step: 'tiles' }))),
  },
  { name: 'append to what is being cancelled', before: cancelling, write: (store, task) => store.append(task, 1, 'running', { progress: 50, step: 'x' }), leaves: ['queued', 'preparing', 'cancelling'] },
  { name: 'telling where a task waits', before: create, write: (store, task) => store.tellQueued(task, STANDING), leaves: ['queued', 'queued'] },
];

describe('a script that is sent twice', () => {
  let server: RedisFixture;
  let proxy: TcpProxy;
  let redis: Redis;
  let viaProxy: Redis;
  let store: TaskStore;
  let fragile: TaskStore;
  let serial = 0;

  beforeAll(async () => {
    server = await RedisFixture.start();
    proxy = await TcpProxy.start({ port: server.port });
    redis = connectRedis(server.url, 'worker', () => undefined);
    viaProxy = connectRedis(`redis://127.0.0.1:${proxy.port}`, 'worker', () => undefined);
    store = new TaskStore(redis, { retentionMs: 3_600_000 });
    fragile = new TaskStore(viaProxy, { retentionMs: 3_600_000 });
  });
  afterAll(async () => {
    redis.disconnect();
    viaProxy.disconnect();
    await proxy.stop();
    await server.stop();
  });
  beforeEach(() => redis.flushall());

  function newTask(): NewTask {
    serial += 1;
    return { taskId: `task-${serial}`, nodeId: 'node-1', projectId: 'project-1', nodeType: 'script', projectName: 'Film', pipelineId: 'p:1', quality: 'low', submittedAt: '2026-01-01T00:00:00.000Z' };
  }

  /** The log's statuses, after seeing that its seq and the record agree with them. */
  async function statuses(taskId: string): Promise<string[]> {
    const events: TaskEvent[] = await store.events(taskId, 0);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
    expect(await store.read(taskId)).toMatchObject({ seq: events.length, state: events.at(-1)?.status });
    return events.map(({ status }) => status);
  }

  const record = async (taskId: string): Promise<Record<string, string>> => redis.hgetall(`task:{${taskId}}`);

  test.each(WRITES)('$name: answers the same, and does nothing twice', async ({ before, write, leaves }) => {
    const task = newTask();
    await before(store, task);
    const first = await write(store, task);
    const stands = await record(task.taskId);
    expect(await write(fragile, task)).toEqual(first);
    expect(await statuses(task.taskId)).toEqual(leaves);
    expect(await record(task.taskId)).toEqual(stands);
  });

  test.each([...WRITES, ...EVENTS])('$name: its answer is lost with the connection', async ({ before, write, leaves }) => {
    const [quiet, cut] = [newTask(), newTask()];
    await before(store, quiet);
    const undisturbed = await write(store, quiet);
    await before(fragile, cut);
    await fragile.read(cut.taskId);
    const dropped = proxy.droppedReplies;
    proxy.dropReply((request) => request.includes(`task:{${cut.taskId}}`));
    expect(await write(fragile, cut)).toEqual(undisturbed);
    // The fault has fired: Redis had the command, and we had no answer to it.
    expect(proxy.droppedReplies).toBe(dropped + 1);
    expect(await statuses(cut.taskId)).toEqual(leaves);
    expect(await statuses(quiet.taskId)).toEqual(leaves);
    const { losses, attempt } = await record(quiet.taskId);
    expect(await record(cut.taskId)).toMatchObject({ losses, attempt });
  }, 20_000);

  test('events of several tasks, one after the other without an answer: each is stored once, and no attempt is told that it is over', async () => {
    const [task, other] = [newTask(), newTask()];
    for (const one of [task, other]) await running(store, one);
    await fragile.read(task.taskId);
    const dropped = proxy.droppedReplies;
    proxy.dropReply((request) => request.includes(`task:{${task.taskId}}`));
    const first = fragile.append(task, 1, 'running', { progress: 20, step: 'tiles' });
    // Any other write of a task sends what waits of it.
    const writes = [fragile.tellQueued(task, STANDING), ...[20, 30, 40, 50, 60, 70].map((progress) => fragile.append(other, 1, 'running', { progress, step: 'tiles' })), fragile.tellQueued(other, STANDING)];
    const last = fragile.append(task, 1, 'running', { progress: 30, step: 'tiles' });
    expect(await first).toMatchObject({ kind: 'stored' });
    expect(await last).toEqual({ kind: 'stored', seq: 5 });
    expect((await Promise.all(writes)).slice(1, -1)).toEqual([4, 5, 6, 7, 8, 9].map((seq) => ({ kind: 'stored', seq })));
    expect(proxy.droppedReplies).toBe(dropped + 1);
    expect([(await statuses(task.taskId)).length, (await statuses(other.taskId)).length]).toEqual([5, 9]);
  }, 20_000);

  test('a claim of before is answered with its own attempt, and takes nothing from the one that runs', async () => {
    const task = newTask();
    await create(store, task);
    for (const start of [1, 2]) expect(await store.begin(task, `worker-${start}`, 9, `token:${start}`)).toEqual({ kind: 'started', attempt: start });
    expect(await fragile.begin(task, 'worker-1', 9, 'token:1')).toEqual({ kind: 'started', attempt: 1 });
    expect(await fragile.append({ ...task, claim: 'token:1' }, 1, 'running', { progress: 1, step: 'late' })).toEqual({ kind: 'superseded' });
    expect(await store.append({ ...task, claim: 'token:2' }, 2, 'running', { progress: 1, step: 'mine' })).toMatchObject({ kind: 'stored' });
    expect(await store.read(task.taskId)).toMatchObject({ attempt: 2, worker: 'worker-2', state: 'running' });
  });

  test('a claim with white space is refused: claims are kept as words', async () => {
    const task = newTask();
    await create(store, task);
    for (const claim of ['', 'a b', 'a\n']) await expect(store.begin(task, 'w', 3, claim)).rejects.toThrow(RangeError);
    expect(await statuses(task.taskId)).toEqual(['queued']);
  });

  test('of many attempts the last claims are remembered, and none of them beyond the end', async () => {
    const task = newTask();
    await create(store, task);
    for (let start = 1; start <= 20; start += 1) {
      await store.begin(task, 'worker-1', 9, `token:${start}`);
      await store.release(task, start, 'put back');
    }
    expect((await record(task.taskId))['claims']?.split(' ')).toEqual([20, 19, 18, 17, 16, 15, 14, 13].map((start) => `token:${start}`));
    await store.cancel(task, 'x');
    expect(Object.keys(await record(task.taskId))).not.toEqual(expect.arrayContaining(['claims']));
  });
});

describe('a Redis that lost its last second (kill -9, AOF everysec)', () => {
  /** Writes `lost` into Redis as if it were in the second that is lost: the server then has what was before. */
  async function losing(before: (store: TaskStore) => Promise<void>, lost: (store: TaskStore) => Promise<void>, after: (store: TaskStore, redis: Redis) => Promise<void>): Promise<void> {
    const server = await RedisFixture.start();
    const redis = connectRedis(server.url, 'worker', () => undefined);
    try {
      const store = new TaskStore(redis, { retentionMs: 3_600_000 });
      await before(store);
      // What is written from here on never reaches the disk.
      await redis.config('SET', 'appendonly', 'no');
      await lost(store);
      await server.halt('SIGKILL');
      await server.resume();
      await waitFor('Redis to be back', () => redis.ping());
      await after(store, redis);
    } finally {
      redis.disconnect();
      await server.stop();
    }
  }
  const task: NewTask = { taskId: 'task-1', nodeId: 'node-1', projectId: 'project-1', nodeType: 'script', projectName: 'Film', pipelineId: 'p:1', quality: 'low', submittedAt: '2026-01-01T00:00:00.000Z' };
  const held: HeldTask = { ...task, claim: 'token:1' };

  test('tells the worker of a task that is gone, and makes nothing of it', async () => {
    await losing(nothing, (store) => begun(store, task), async (store, redis) => {
      expect(await redis.keys('*')).toEqual([]);
      expect(await store.append(held, 1, 'running', { progress: 1, step: 'x' })).toEqual({ kind: 'superseded' });
      expect(await store.finish(held, 1, COMPLETED)).toEqual({ kind: 'missing' });
      expect(await store.release(held, 1, 'put back')).toEqual({ kind: 'missing' });
      expect(await redis.keys('*')).toEqual([]);
    });
  }, 30_000);

  test('tells the worker of an attempt that is gone, and lets it begin again with the same claim', async () => {
    await losing((store) => create(store, task), async (store) => void (await store.begin(task, 'worker-1', 3, 'token:1')), async (store) => {
      expect(await store.read(task.taskId)).toMatchObject({ state: 'queued', attempt: 0 });
      expect(await store.append(held, 1, 'running', { progress: 1, step: 'x' })).toEqual({ kind: 'superseded' });
      expect(await store.finish(held, 1, COMPLETED)).toEqual({ kind: 'refused', state: 'queued' });
      expect(await store.begin(task, 'worker-1', 3, 'token:1')).toEqual({ kind: 'started', attempt: 1 });
      expect(await store.append(held, 1, 'running', { progress: 1, step: 'x' })).toEqual({ kind: 'stored', seq: 3 });
    });
  }, 30_000);

  test('gives one attempt number twice, and only the one that began last may write', async () => {
    await losing((store) => create(store, task), async (store) => void (await store.begin(task, 'worker-1', 3, 'token:1')), async (store) => {
      expect(await store.begin(task, 'worker-2', 3, 'other:1')).toEqual({ kind: 'started', attempt: 1 });
      expect(await store.append(held, 1, 'running', { progress: 99, step: 'late' })).toEqual({ kind: 'superseded' });
      expect(await store.release(held, 1, 'put back')).toEqual({ kind: 'refused', state: 'preparing' });
      expect(await store.finish(held, 1, FAILED)).toEqual({ kind: 'refused', state: 'preparing' });
      expect(await store.finish({ ...task, claim: 'other:1' }, 1, COMPLETED)).toEqual({ kind: 'ended', seq: 3 });
    });
  }, 30_000);
});
