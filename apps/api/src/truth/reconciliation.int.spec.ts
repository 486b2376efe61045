import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { DEFAULT_TIERS } from '@function-runner/pipeline-schema';
import { keys, workerChannel } from '@function-runner/progress-protocol';
import { connectRedis, OpenTasks, TaskStore, type NewTask, type TaskEnd } from '@function-runner/task-store';
import { RedisFixture, testJob, waitFor } from '@function-runner/testing';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { TaskQueues } from '../queue/task-queues.adapter.js';
import { WaitingJobs } from '../queue/waiting-jobs.adapter.js';
import type { Disagreement } from './judge-task.js';
import { Reconciliation, type ReconciliationParts } from './reconciliation.js';

Logger.overrideLogger(false);

const COMPLETED: TaskEnd = { state: 'completed', result: { outputPath: '/x', outputs: [], metadata: { pipelineId: 'p', durationMs: 1, queuedMs: 1, attempt: 1 } } };
/** Each kind after two looks: a spec has no worker that would come back. */
const TWO_LOOKS: Record<Disagreement, number> = {
  'task-without-job': 2, 'job-without-task': 2, 'job-of-ended-task': 2, 'lost-attempt': 2, 'unheard-cancel': 2, 'slow-cancel': 2, 'stale-entry': 2, 'missing-entry': 2,
};

describe('Reconciliation', () => {
  let server: RedisFixture;
  let redis: Redis;
  let store: TaskStore;
  let queues: TaskQueues;
  let open: OpenTasks;
  let jobs: WaitingJobs;
  let metrics: ApiMetrics;
  let parts: ReconciliationParts;
  let serial = 0;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    redis.setMaxListeners(50);
    store = new TaskStore(redis, { retentionMs: 3_600_000 });
    queues = new TaskQueues(redis, { prefix: 'bull', tiers: DEFAULT_TIERS });
    open = new OpenTasks(redis);
    jobs = new WaitingJobs(redis, 'bull');
    await queues.whenReady();
  });
  beforeEach(async () => {
    await redis.flushall();
    metrics = new ApiMetrics();
    parts = { store, open, jobs, queues, metrics };
  });
  afterAll(async () => {
    await queues.close();
    redis.disconnect();
    await server.stop();
  });

  /** As the door makes it: record, list and job. */
  async function queued(priority: 'high' | 'normal' = 'normal'): Promise<NewTask> {
    serial += 1;
    const task: NewTask = {
      taskId: `task-${serial}`, nodeId: 'node-1', projectId: 'film', nodeType: 'script', projectName: 'Film', pipelineId: 'p:1', quality: 'high', submittedAt: new Date().toISOString(),
    };
    await store.create(task, 1, { priority, payload: testJob(task.taskId) });
    await queues.add('high', task.taskId, testJob(task.taskId), priority);
    return task;
  }

  /** A worker takes the task's job, and holds its lock. */
  async function take({ taskId }: NewTask): Promise<void> {
    await redis.lrem('bull:quality_high:wait', 0, taskId);
    await redis.zrem('bull:quality_high:prioritized', taskId);
    await redis.lpush('bull:quality_high:active', taskId);
    await redis.set(`bull:quality_high:${taskId}:lock`, 'token');
  }

  /** Its worker died: the job waits again. */
  async function loseWorker({ taskId }: NewTask): Promise<void> {
    await redis.lrem('bull:quality_high:active', 0, taskId);
    await redis.del(`bull:quality_high:${taskId}:lock`);
    await redis.rpush('bull:quality_high:wait', taskId);
  }

  async function running(): Promise<NewTask> {
    const task = await queued();
    await take(task);
    await store.begin(task, 'worker-1', 3, 'token:1');
    await store.append(task, 1, 'running', { progress: 30, step: 'tiles' });
    return task;
  }

  /** Loses a job with its queue, as an operator's `obliterate` does. */
  async function loseJob({ taskId }: NewTask): Promise<void> {
    for (const list of ['wait', 'active']) await redis.lrem(`bull:quality_high:${list}`, 0, taskId);
    await redis.zrem('bull:quality_high:prioritized', taskId);
    await redis.del(`bull:quality_high:${taskId}`, `bull:quality_high:${taskId}:lock`);
  }

  async function repairs(): Promise<Record<string, number>> {
    const { values } = await metrics.repairs.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.kind), value]));
  }

  const statuses = async ({ taskId }: NewTask): Promise<string[]> => (await store.events(taskId, 0)).map(({ status }) => status);

  async function rounds(count: number, reconciliation = new Reconciliation(parts, TWO_LOOKS)): Promise<Reconciliation> {
    for (let round = 0; round < count; round += 1) await reconciliation.round();
    return reconciliation;
  }

  /** Nothing disagrees: two more looks repair nothing. */
  async function expectTruth(): Promise<void> {
    const before = await repairs();
    await rounds(3);
    expect(await repairs()).toEqual(before);
  }

  test('leaves alone what agrees, in every state', async () => {
    const [waiting, ended, cancelled] = [await queued(), await running(), await queued()];
    const [preparing, atWork] = [await queued(), await running()];
    await take(preparing);
    await store.finish(ended, 1, COMPLETED);
    await loseJob(ended);
    await store.cancel(cancelled, 'x');
    await queues.remove('high', cancelled.taskId);
    await rounds(4);
    expect(await repairs()).toEqual({});
    expect(await Promise.all([waiting, preparing, atWork].map(statuses))).toEqual([['queued'], ['queued'], ['queued', 'preparing', 'running']]);
  });

  test('a waiting task whose job is lost gets it again, with its id, data and priority', async () => {
    const task = await queued('high');
    await loseJob(task);
    const reconciliation = await rounds(1);
    // One look proves nothing.
    expect(await queues.placeOf('high', task.taskId)).toBe('none');
    await rounds(1, reconciliation);
    expect(await queues.placeOf('high', task.taskId)).toBe('waiting');
    const [job] = await jobs.describe('high', [task.taskId]);
    expect(job?.task).toMatchObject({ taskId: task.taskId, priority: 'high' });
    expect(JSON.parse((await redis.hget(`bull:quality_high:${task.taskId}`, 'data')) ?? '{}')).toMatchObject({ parameters: { script: task.taskId } });
    expect(await repairs()).toEqual({ 'task-without-job': 1 });
    expect(await statuses(task)).toEqual(['queued']);
    await expectTruth();
  });

  test('a job that is left in no list of its queue is made anew', async () => {
    const task = await queued();
    await redis.lrem('bull:quality_high:wait', 0, task.taskId);
    await rounds(2);
    expect(await queues.placeOf('high', task.taskId)).toBe('waiting');
    await expectTruth();
  });

  test('a running task whose job is lost waits again, and that is no loss of its worker', async () => {
    const task = await running();
    await loseJob(task);
    await rounds(2);
    expect([await queues.placeOf('high', task.taskId), await statuses(task), await redis.hget(keys.task(task.taskId), 'losses')]).toEqual(['waiting', ['queued', 'preparing', 'running', 'queued'], '0']);
    // Whoever ran it is told so, and the next attempt begins, even by the same worker: the new job's starts are counted from 1.
    expect(await store.append(task, 1, 'running', { progress: 40, step: 'late' })).toEqual({ kind: 'superseded' });
    expect(await store.begin(task, 'worker-1', 3, 'token:1')).toEqual({ kind: 'started', attempt: 2 });
    await store.release(task, 2, 'put back');
    await take(task);
    await loseJob(task);
    await rounds(2);
    expect(await store.begin(task, 'worker-1', 3, 'token:1')).toEqual({ kind: 'started', attempt: 3 });
  });

  test('a task whose job nobody kept is ended, so that nobody waits for it', async () => {
    const task = await queued();
    await loseJob(task);
    await redis.del(keys.job(task.taskId));
    await rounds(2);
    expect(await store.read(task.taskId)).toMatchObject({ state: 'failed', code: 'INTERNAL' });
    await expectTruth();
  });

  test('a task that has moved on while it was looked at is not ended for the job that nobody kept', async () => {
    const task = await queued();
    await loseJob(task);
    await redis.del(keys.job(task.taskId));
    // Between the last look and the repair its job is there again, and a worker takes it.
    let taken = 0;
    const keptJob: TaskStore['keptJob'] = async (taskId) => {
      taken += 1;
      await store.begin(task, 'worker-1', 3, 'token:1');
      return store.keptJob(taskId);
    };
    const overtaken = Object.assign(Object.create(store) as TaskStore, { keptJob });
    await rounds(2, new Reconciliation({ ...parts, store: overtaken }, TWO_LOOKS));
    expect([taken, await statuses(task), await repairs()]).toEqual([1, ['queued', 'preparing'], {}]);
  });

  test('a job without a task is removed', async () => {
    const task = await queued();
    await redis.del(keys.task(task.taskId), keys.events(task.taskId));
    await rounds(2);
    expect(await queues.placeOf('high', task.taskId)).toBe('none');
    await rounds(2);
    expect(await repairs()).toEqual({ 'job-without-task': 1, 'stale-entry': 1 });
    expect(await open.page(0, 9)).toEqual([]);
  });

  test('the job of an ended task is removed', async () => {
    const task = await queued();
    await store.cancel(task, 'x');
    await rounds(2);
    expect([await queues.placeOf('high', task.taskId), await repairs()]).toEqual(['none', { 'job-of-ended-task': 1 }]);
    await expectTruth();
  });

  test('a task that its record says runs, and whose job waits, is said to wait; its loss counts', async () => {
    const task = await running();
    await loseWorker(task);
    await rounds(2);
    expect([await statuses(task), await repairs(), await redis.hget(keys.task(task.taskId), 'losses')]).toEqual([['queued', 'preparing', 'running', 'queued'], { 'lost-attempt': 1 }, '1']);
    expect((await store.events(task.taskId, 3))[0]).toMatchObject({ step: 'waits again, since its worker was lost' });
    await expectTruth();
    expect(await store.begin(task, 'worker-2', 3, 'token:2')).toEqual({ kind: 'started', attempt: 2 });
  });

  test('a worker that comes back has the time to take up its container', async () => {
    const task = await running();
    await loseWorker(task);
    const reconciliation = new Reconciliation(parts);
    await rounds(7, reconciliation);
    expect(await statuses(task)).toEqual(['queued', 'preparing', 'running']);
    await rounds(1, reconciliation);
    expect(await statuses(task)).toEqual(['queued', 'preparing', 'running', 'queued']);
  });

  test('a cancel that nobody can carry out is carried out', async () => {
    const [waits, gone] = [await running(), await running()];
    for (const task of [waits, gone]) await store.cancel(task, 'enough');
    await loseWorker(waits);
    await loseJob(gone);
    await rounds(2);
    for (const task of [waits, gone]) {
      expect(await statuses(task)).toEqual(['queued', 'preparing', 'running', 'cancelling', 'cancelled']);
      expect(await queues.placeOf('high', task.taskId)).toBe('none');
    }
    expect(await repairs()).toEqual({ 'unheard-cancel': 2 });
    await expectTruth();
  });

  test('a worker that has not heard of a cancel is told again, with the reason that was given', async () => {
    const task = await running();
    await store.cancel(task, 'enough');
    const heard: string[] = [];
    const subscriber = connectRedis(server.url, 'subscriber', () => undefined);
    try {
      subscriber.on('message', (_channel: string, text: string) => heard.push(text));
      await subscriber.subscribe(workerChannel('worker-1'));
      await rounds(2);
      await waitFor('the order', () => heard.length > 0);
      expect(JSON.parse(heard[0] ?? '')).toEqual({ cancel: task.taskId, reason: 'enough' });
    } finally {
      subscriber.disconnect();
    }
    expect([await statuses(task), await repairs()]).toEqual([['queued', 'preparing', 'running', 'cancelling'], {}]);
  });

  test('the list of open tasks is mended both ways', async () => {
    const [ended, missing] = [await running(), await queued()];
    await store.finish(ended, 1, COMPLETED);
    await loseJob(ended);
    await open.enter(ended.taskId, new Date());
    await open.enter('never-made', new Date());
    await open.leave([missing.taskId]);
    await rounds(2);
    expect(await open.page(0, 9)).toEqual([missing.taskId]);
    expect(await repairs()).toEqual({ 'stale-entry': 2, 'missing-entry': 1 });
    await expectTruth();
  });

  test('what looks wrong for a moment only is left alone', async () => {
    const task = await queued();
    await redis.del(keys.task(task.taskId), keys.events(task.taskId));
    const reconciliation = await rounds(1);
    await store.create(task, 1);
    await rounds(1, reconciliation);
    // Wrong again, and again for one look: the attempt is another one.
    await take(task);
    await store.begin(task, 'worker-1', 3, 'token:1');
    await loseWorker(task);
    await rounds(1, reconciliation);
    await take(task);
    await store.begin(task, 'worker-2', 3, 'token:2');
    await loseWorker(task);
    await rounds(1, reconciliation);
    expect(await repairs()).toEqual({});
  });

  test('looks at a Redis that did not answer count for nothing', async () => {
    const task = await queued();
    await loseJob(task);
    let fails = false;
    const shaky = new Reconciliation({ ...parts, jobs: { look: () => (fails ? Promise.reject(new Error('Command timed out')) : jobs.look()) } }, TWO_LOOKS);
    await shaky.round();
    fails = true;
    await expect(shaky.round()).rejects.toThrow('Command timed out');
    fails = false;
    await shaky.round();
    expect(await repairs()).toEqual({});
    await shaky.round();
    expect(await repairs()).toEqual({ 'task-without-job': 1 });
  });

  test('goes through many tasks and jobs, some in each round, and none is left out', async () => {
    const tasks: NewTask[] = [];
    for (let index = 0; index < 700; index += 1) tasks.push(await queued());
    const last = tasks.at(-1);
    if (last === undefined) throw new Error('no task');
    await loseJob(last);
    await rounds(4);
    expect(await repairs()).toEqual({ 'task-without-job': 1 });
  }, 60_000);

  test('repairs for a while only in each round, and what is left in the next ones', async () => {
    for (let index = 0; index < 3; index += 1) await loseJob(await queued());
    const slow = new Reconciliation(parts, TWO_LOOKS, 0);
    await rounds(2, slow);
    for (const repaired of [1, 2, 3]) {
      expect(await repairs()).toEqual({ 'task-without-job': repaired });
      await rounds(1, slow);
    }
  });

  test('two at once do no harm', async () => {
    const [lost, gone, cancelled] = [await running(), await queued(), await running()];
    await loseWorker(lost);
    await loseJob(gone);
    await store.cancel(cancelled, 'x');
    await loseWorker(cancelled);
    const both = [new Reconciliation(parts, TWO_LOOKS), new Reconciliation(parts, TWO_LOOKS)];
    for (let round = 0; round < 3; round += 1) await Promise.all(both.map((reconciliation) => reconciliation.round()));
    expect(await Promise.all([lost, gone, cancelled].map(statuses))).toEqual([['queued', 'preparing', 'running', 'queued'], ['queued'], ['queued', 'preparing', 'running', 'cancelling', 'cancelled']]);
    expect(await redis.hget(keys.task(lost.taskId), 'losses')).toBe('1');
    expect((await redis.lrange('bull:quality_high:wait', 0, -1)).sort()).toEqual([lost.taskId, gone.taskId].sort());
  });
});
