import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { decodeEvent, keys, projectChannel, taskChannel, workerChannel, type TaskEvent } from '@function-runner/progress-protocol';
import { NEXT_STATES, isTerminal, type TaskState } from '@function-runner/task-contract';
import { RedisFixture, testJob, waitFor } from '@function-runner/testing';
import type { KeptJob } from './kept-job.js';
import { OpenTasks } from './open-tasks.js';
import { connectRedis } from './redis-connection.js';
import { TaskStore, type TaskEnd } from './task-store.js';
import type { NewTask } from './task-record.js';

const RETENTION_MS = 3_600_000;
const JOB: KeptJob = { priority: 'high', payload: testJob('hold') };
const COMPLETED: TaskEnd = {
  state: 'completed',
  result: { outputPath: '/workspace/Film/outputs/renders/node-1/t', outputs: [{ path: 'a.png', mediaType: 'image/png', bytes: 3, sha256: 'a'.repeat(64) }], metadata: { pipelineId: 'p:1', durationMs: 5, queuedMs: 1, attempt: 1 } },
};
const FAILED: TaskEnd = { state: 'failed', error: 'it broke', code: 'CONTAINER_EXITED', retryable: false, logTail: ['last words'] };
/** What may race for the end of a task. */
const RACERS = ['complete', 'fail', 'cancelled', 'cancel', 'begin', 'append', 'release', 'door', 'tell', 'give up'] as const;
const CANCELLED: TaskEnd = { state: 'cancelled', reason: 'asked for' };

describe('TaskStore on a real Redis', () => {
  let server: RedisFixture;
  let redis: Redis;
  let other: Redis;
  let store: TaskStore;
  let serial = 0;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    other = connectRedis(server.url, 'worker', () => undefined);
    store = new TaskStore(redis, { retentionMs: RETENTION_MS });
  });
  afterAll(async () => {
    redis.disconnect();
    other.disconnect();
    await server.stop();
  });
  beforeEach(() => redis.flushall());

  /** A task of its own for each test. */
  function newTask(more: Partial<NewTask> = {}): NewTask {
    serial += 1;
    return {
      taskId: `task-${serial}`, nodeId: 'node-1', projectId: 'project-1', nodeType: 'image_upscale', projectName: 'Film', pipelineId: 'image-upscale:1.0-low', quality: 'low',
      submittedAt: '2026-01-01T00:00:00.000Z', ...more,
    };
  }

  async function created(more: Partial<NewTask> = {}): Promise<NewTask> {
    const task = newTask(more);
    await store.create(task, 1, JOB);
    return task;
  }

  /** Created and begun by worker-1. */
  async function begun(more: Partial<NewTask> = {}): Promise<NewTask> {
    const task = await created(more);
    await store.begin(task, 'worker-1', 3);
    return task;
  }

  /** What holds for every log: seq counts from 1 without gap, one terminal event at most and last, the record agrees. */
  async function expectSoundLog(taskId: string): Promise<TaskEvent[]> {
    const events = await store.events(taskId, 0);
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    const terminal = events.filter(({ status }) => isTerminal(status));
    expect(terminal.length).toBeLessThanOrEqual(1);
    if (terminal.length === 1) expect(events.at(-1)).toEqual(terminal[0]);
    const record = await store.read(taskId);
    expect(record).toMatchObject({ seq: events.length, state: events.at(-1)?.status });
    return events;
  }

  describe('create', () => {
    test('makes the record and the first event', async () => {
      const task = newTask({ batchId: 'batch-1', requestId: 'request-1' });
      await store.create(task, 4, undefined, new Date('2026-01-02T03:04:05.006Z'));
      expect(await store.read(task.taskId)).toEqual({ ...task, state: 'queued', seq: 1, attempt: 0, progress: 0, step: 'queued' });
      expect(await store.events(task.taskId, 0)).toEqual([{
        task_id: task.taskId, node_id: 'node-1', project_id: 'project-1', seq: 1, attempt: 0, progress: 0, step: 'queued', status: 'queued',
        timestamp: '2026-01-02T03:04:05.006Z', batch_id: 'batch-1', queue_position: 4,
      }]);
    });

    test('is idempotent, also from many sides at once', async () => {
      const task = newTask();
      await Promise.all(Array.from({ length: 20 }, () => store.create(task, 1)));
      expect(await expectSoundLog(task.taskId)).toHaveLength(1);
      await store.begin(task, 'worker-1', 3);
      await store.create({ ...task, nodeType: 'other' }, 1);
      expect(await store.read(task.taskId)).toMatchObject({ state: 'preparing', nodeType: 'image_upscale' });
      expect(await expectSoundLog(task.taskId)).toHaveLength(2);
    });

    test('lists the project’s tasks, newest first', async () => {
      const old = newTask();
      const young = newTask();
      const elsewhere = newTask({ projectId: 'project-2' });
      await store.create(old, 1, undefined, new Date(Date.now() - 1000));
      await store.create(young, 1);
      await store.create(elsewhere, 1);
      expect((await store.listProject('project-1', 10)).map(({ taskId }) => taskId)).toEqual([young.taskId, old.taskId]);
      expect((await store.listProject('project-1', 1)).map(({ taskId }) => taskId)).toEqual([young.taskId]);
    });
  });

  describe('append', () => {
    test('gives seq without gap under 50 concurrent writes over two connections', async () => {
      const task = await begun();
      const second = new TaskStore(other, { retentionMs: RETENTION_MS });
      const outcomes = await Promise.all(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? store : second).append(task, 1, 'running', { progress: i, step: `step ${i}` })));
      const seqs = outcomes.map((outcome) => (outcome.kind === 'stored' ? outcome.seq : 0)).sort((a, b) => a - b);
      expect(seqs).toEqual(Array.from({ length: 50 }, (_, i) => i + 3));
      expect(await expectSoundLog(task.taskId)).toHaveLength(52);
    });

    test('answers events after a seq in order', async () => {
      const task = await begun();
      for (const progress of [10, 20, 30]) await store.append(task, 1, 'running', { progress, step: 'tiles' });
      expect((await store.events(task.taskId, 3)).map(({ progress }) => progress)).toEqual([20, 30]);
      expect(await store.events(task.taskId, 99)).toEqual([]);
    });

    test.each([Number.NaN, Number.POSITIVE_INFINITY, -1, 100.1])('refuses the progress %p', async (progress) => {
      const task = await begun();
      await expect(store.append(task, 1, 'running', { progress, step: 'x' })).rejects.toThrow(RangeError);
      expect(await expectSoundLog(task.taskId)).toHaveLength(2);
    });

    test.each(['queued', 'ended', 'missing'])('is refused where the task is %s', async (where) => {
      const task = where === 'missing' ? newTask() : await created();
      if (where === 'ended') await store.cancel(task, 'x');
      expect(await store.append(task, 0, 'running', { progress: 1, step: 'x' })).toEqual({ kind: 'superseded' });
      if (where === 'missing') expect(await redis.exists(keys.task(task.taskId), keys.events(task.taskId))).toBe(0);
    });
  });

  test('what is published is the very text of the log, on both channels', async () => {
    const subscriber = connectRedis(server.url, 'subscriber', () => undefined);
    try {
      const task = newTask({ nodeId: 'näher "dran"\n\u2028' });
      const heard: Record<string, string[]> = { [taskChannel(task.taskId)]: [], [projectChannel(task.projectId)]: [] };
      subscriber.on('message', (channel: string, text: string) => heard[channel]?.push(text));
      await subscriber.subscribe(...Object.keys(heard));
      await store.create(task, 1);
      await store.begin(task, 'worker-1', 3);
      await store.append(task, 1, 'running', { progress: 12.5, step: 'a "step"\\' });
      await store.release(task, 1, 'put back');
      await store.tellQueued(task, { queuePosition: 2, etaSeconds: 1.5, step: 'a "reason"\\' });
      await store.begin(task, 'worker-2', 3);
      await store.cancel(task, 'enough');
      await store.finish(task, 2, CANCELLED);
      const stored = (await redis.xrange(keys.events(task.taskId), '-', '+')).map(([, fields]) => fields[1]);
      expect(stored).toHaveLength(8);
      await waitFor('every message', () => Object.values(heard).every((texts) => texts.length === stored.length));
      expect(heard[taskChannel(task.taskId)]).toEqual(stored);
      expect(heard[projectChannel(task.projectId)]).toEqual(stored);
    } finally {
      subscriber.disconnect();
    }
  });

  describe('fencing', () => {
    test('every write of attempt 1 is refused once attempt 2 has begun', async () => {
      const task = await begun();
      expect(await store.begin(task, 'worker-2', 3)).toEqual({ kind: 'started', attempt: 2 });
      expect(await store.append(task, 1, 'running', { progress: 99, step: 'late' })).toEqual({ kind: 'superseded' });
      expect(await store.finish(task, 1, COMPLETED)).toEqual({ kind: 'refused', state: 'preparing' });
      expect(await store.release(task, 1, 'put back')).toEqual({ kind: 'refused', state: 'preparing' });
      expect(await store.append(task, 2, 'running', { progress: 1, step: 'new' })).toEqual({ kind: 'stored', seq: 4 });
      expect(await store.finish(task, 2, COMPLETED)).toEqual({ kind: 'ended', seq: 5 });
      expect(await store.read(task.taskId)).toMatchObject({ state: 'completed', attempt: 2, worker: 'worker-2', progress: 100, result: COMPLETED.result });
      await expectSoundLog(task.taskId);
    });

    test('an attempt that was put back can write no more, before and after the next one begins', async () => {
      const task = await begun();
      expect(await store.release(task, 1, 'put back')).toEqual({ kind: 'released' });
      expect(await store.finish(task, 1, COMPLETED)).toEqual({ kind: 'refused', state: 'queued' });
      expect(await store.append(task, 1, 'running', { progress: 9, step: 'late' })).toEqual({ kind: 'superseded' });
      expect(await store.begin(task, 'worker-2', 3)).toEqual({ kind: 'started', attempt: 2 });
      expect(await store.release(task, 1, 'put back')).toEqual({ kind: 'refused', state: 'preparing' });
      await expectSoundLog(task.taskId);
    });

    test('a next attempt starts at progress 0', async () => {
      const task = await begun();
      await store.append(task, 1, 'running', { progress: 80, step: 'x' });
      await store.begin(task, 'worker-2', 3);
      expect((await store.events(task.taskId, 3))[0]).toMatchObject({ attempt: 2, progress: 0, status: 'preparing' });
    });
  });

  describe('the end comes exactly once', () => {
    test('whatever races with it, over two connections', async () => {
      const second = new TaskStore(other, { retentionMs: RETENTION_MS });
      await fc.assert(
        fc.asyncProperty(fc.array(fc.constantFrom(...RACERS), { minLength: 2, maxLength: 12 }), fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), async (operations, sides) => {
          const task = await begun();
          const side = (index: number): TaskStore => (sides[index] === true ? store : second);
          const run: Record<(typeof RACERS)[number], (on: TaskStore) => Promise<unknown>> = {
            complete: (on) => on.finish(task, 1, COMPLETED),
            fail: (on) => on.finish(task, 1, FAILED),
            cancelled: (on) => on.finish(task, 1, CANCELLED),
            door: (on) => on.finish(task, undefined, FAILED),
            cancel: (on) => on.cancel(task, 'race'),
            begin: (on) => on.begin(task, 'worker-2', 3),
            append: (on) => on.append(task, 1, 'running', { progress: 50, step: 'x' }),
            release: (on) => on.release(task, 1, 'put back'),
            tell: (on) => on.tellQueued(task, { queuePosition: 1, etaSeconds: undefined, step: 'x' }),
            'give up': (on) => on.finish(task, 'none', FAILED),
          };
          const outcomes = await Promise.all(operations.map((name, index) => run[name](side(index))));
          const events = await expectSoundLog(task.taskId);
          // Whoever was told by finish that the task has ended was told of the one event that ended it.
          for (const outcome of outcomes) {
            if (typeof outcome === 'object' && outcome !== null && 'kind' in outcome && outcome.kind === 'ended' && 'seq' in outcome) expect([outcome.seq, isTerminal(events.at(-1)?.status ?? 'queued')]).toEqual([events.length, true]);
          }
          await side(0).cancel(task, 'at last');
          await side(0).begin(task, 'worker-3', 99);
          expect((await expectSoundLog(task.taskId)).filter(({ status }) => isTerminal(status))).toHaveLength(1);
        }),
        { numRuns: 150 },
      );
    });

    test('twenty finishes at once: one is stored', async () => {
      const task = await begun();
      const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => store.finish(task, 1, i % 2 === 0 ? COMPLETED : FAILED)));
      // Whoever asks for the end that is stored hears that it is.
      const { state } = (await expectSoundLog(task.taskId)).map(({ status }) => ({ state: status })).at(-1) ?? {};
      expect(outcomes.map(({ kind }) => kind)).toEqual(outcomes.map((_, i) => ((i % 2 === 0 ? 'completed' : 'failed') === state ? 'ended' : 'refused')));
    });
  });

  describe('a poisonous task', () => {
    test('fails with WORKER_LOST after the third loss', async () => {
      const task = await created();
      expect(await store.begin(task, 'worker-1', 3)).toEqual({ kind: 'started', attempt: 1 });
      expect(await store.begin(task, 'worker-2', 3)).toEqual({ kind: 'started', attempt: 2 });
      expect(await store.begin(task, 'worker-3', 3)).toEqual({ kind: 'started', attempt: 3 });
      expect(await store.begin(task, 'worker-4', 3)).toEqual({ kind: 'ended', state: 'failed' });
      expect((await store.events(task.taskId, 0)).at(-1)).toMatchObject({ status: 'failed', code: 'WORKER_LOST', retryable: true, log_tail: [] });
      expect(await store.read(task.taskId)).toMatchObject({ state: 'failed', code: 'WORKER_LOST', step: 'failed' });
      expect(await store.begin(task, 'worker-5', 3)).toEqual({ kind: 'ended', state: 'failed' });
      await expectSoundLog(task.taskId);
    });

    test('is not made by putting it back: that counts no loss', async () => {
      const task = await created();
      for (let attempt = 1; attempt <= 10; attempt += 1) {
        expect(await store.begin(task, 'worker-1', 3)).toEqual({ kind: 'started', attempt });
        expect(await store.release(task, attempt, 'put back')).toEqual({ kind: 'released' });
      }
      await expectSoundLog(task.taskId);
    });
  });

  describe('cancel', () => {
    test('ends a waiting task at once', async () => {
      const task = await created();
      expect(await store.cancel(task, 'changed my mind')).toEqual({ kind: 'cancelled' });
      expect((await store.events(task.taskId, 1))[0]).toMatchObject({ status: 'cancelled', reason: 'changed my mind' });
      expect(await store.begin(task, 'worker-1', 3)).toEqual({ kind: 'ended', state: 'cancelled' });
      await expectSoundLog(task.taskId);
    });

    test('marks a running task, tells its worker each time it is asked, and lets no progress through', async () => {
      const subscriber = connectRedis(server.url, 'subscriber', () => undefined);
      try {
        const orders: string[] = [];
        subscriber.on('message', (_channel: string, text: string) => orders.push(text));
        await subscriber.subscribe(workerChannel('worker-1'));
        const task = await begun();
        await store.append(task, 1, 'running', { progress: 40, step: 'tiles' });
        expect(await store.cancel(task, 'enough')).toEqual({ kind: 'cancelling' });
        expect(await store.cancel(task, 'again')).toEqual({ kind: 'cancelling' });
        expect(await store.append(task, 1, 'running', { progress: 50, step: 'tiles' })).toEqual({ kind: 'cancelling' });
        expect(await store.finish(task, 1, CANCELLED)).toEqual({ kind: 'ended', seq: 5 });
        expect((await expectSoundLog(task.taskId)).map(({ status, progress }) => [status, progress])).toEqual([
          ['queued', 0], ['preparing', 0], ['running', 40], ['cancelling', 40], ['cancelled', 40],
        ]);
        await waitFor('the orders', () => orders.length > 1);
        expect(orders.map((text) => JSON.parse(text) as unknown)).toEqual(['enough', 'enough'].map((reason) => ({ cancel: task.taskId, reason })));
      } finally {
        subscriber.disconnect();
      }
    });

    test.each([['completed', COMPLETED], ['failed', FAILED], ['cancelled', CANCELLED]] as const)('answers the state of a task that is already %s', async (state, end) => {
      const task = await begun();
      await store.finish(task, 1, end);
      expect(await store.cancel(task, 'late')).toEqual({ kind: 'ended', state });
      expect(await expectSoundLog(task.taskId)).toHaveLength(3);
    });

    test('says where there is no such task, and makes none', async () => {
      const task = newTask();
      expect(await store.cancel(task, 'x')).toEqual({ kind: 'missing' });
      expect(await store.begin(task, 'w', 3)).toEqual({ kind: 'missing' });
      expect(await store.finish(task, 1, COMPLETED)).toEqual({ kind: 'missing' });
      expect(await store.release(task, 1, 'put back')).toEqual({ kind: 'missing' });
      expect(await redis.keys('*')).toEqual([]);
    });

    test('of a task whose worker is then lost is carried out by the next begin', async () => {
      const task = await begun();
      await store.cancel(task, 'enough');
      expect(await store.begin(task, 'worker-2', 3)).toEqual({ kind: 'ended', state: 'cancelled' });
      await expectSoundLog(task.taskId);
    });
  });

  describe('what has not ended', () => {
    const open = (): Promise<string[]> => new OpenTasks(redis).page(0, 100);

    test('is listed with its job until its end, whatever becomes of it before', async () => {
      const task = await created();
      for (const step of [() => store.begin(task, 'worker-1', 3), () => store.append(task, 1, 'running', { progress: 1, step: 'x' }), () => store.release(task, 1, 'put back'), () => store.begin(task, 'worker-2', 3), () => store.cancel(task, 'x')]) {
        await step();
        expect([await open(), await store.keptJob(task.taskId)]).toEqual([[task.taskId], JOB]);
      }
      await store.finish(task, 2, CANCELLED);
      expect([await open(), await store.keptJob(task.taskId)]).toEqual([[], undefined]);
    });

    test('is listed before there is a record, so that a crash between the two leaves too much and never too little', async () => {
      const order: string[] = [];
      const monitor = await redis.monitor();
      try {
        monitor.on('monitor', (_time: string, [command = '', key = '']: string[]) => /^(zadd|evalsha|eval)$/i.test(command) && order.push(key === keys.openTasks ? 'index' : command.toLowerCase()));
        await created();
        await waitFor('both writes', () => order.some((what) => what.startsWith('eval')));
        expect(order[0]).toBe('index');
      } finally {
        monitor.disconnect();
      }
    });

    test('comes in pages, the oldest first, and tells who is among it', async () => {
      const index = new OpenTasks(redis);
      for (const [at, id] of ['a', 'b', 'c'].entries()) await index.enter(id, new Date(at));
      await index.enter('a', new Date(99));
      expect([await index.page(0, 2), await index.page(2, 2)]).toEqual([['a', 'b'], ['c']]);
      expect(await index.among(['c', 'z', 'a'])).toEqual(new Set(['c', 'a']));
      await index.leave(['a', 'c']);
      expect(await index.page(0, 9)).toEqual(['b']);
    });
  });

  describe('release', () => {
    test('puts a task back untouched', async () => {
      const task = await begun();
      await store.append(task, 1, 'running', { progress: 10, step: 'x' });
      expect(await store.release(task, 1, 'put back')).toEqual({ kind: 'released' });
      const record = await store.read(task.taskId);
      expect(record).toMatchObject({ state: 'queued', step: 'queued' });
      expect(record?.worker).toBeUndefined();
      expect((await store.events(task.taskId, 3))[0]).toMatchObject({ status: 'queued' });
      await expectSoundLog(task.taskId);
    });

    test('carries out a cancel that came meanwhile', async () => {
      const task = await begun();
      await store.cancel(task, 'enough');
      expect(await store.release(task, 1, 'put back')).toEqual({ kind: 'ended', state: 'cancelled' });
      await expectSoundLog(task.taskId);
    });
  });

  describe('retention', () => {
    const ways: [string, (task: NewTask) => Promise<unknown>][] = [
      ['a finish', async (task) => { await store.begin(task, 'w', 3); await store.finish(task, 1, COMPLETED); }],
      ['the door', (task) => store.finish(task, undefined, FAILED)],
      ['a cancel in the queue', (task) => store.cancel(task, 'x')],
      ['a cancel at begin', async (task) => { await store.begin(task, 'w', 3); await store.cancel(task, 'x'); await store.begin(task, 'w', 3); }],
      ['a cancel at release', async (task) => { await store.begin(task, 'w', 3); await store.cancel(task, 'x'); await store.release(task, 1, 'put back'); }],
      ['poison', async (task) => { await store.begin(task, 'w', 1); await store.begin(task, 'w', 1); }],
    ];
    test.each(ways)('%s lets every key expire', async (_how, end) => {
      const task = await created();
      await store.claimRequest(task.projectId, 'request-1', task.taskId);
      await store.putBatch('batch-1', { projectId: task.projectId, taskIds: [task.taskId] });
      await end(task);
      expect((await store.read(task.taskId))?.finishedAt).toBeDefined();
      const all = await redis.keys('*');
      expect(all.sort()).toEqual([keys.batch('batch-1'), keys.events(task.taskId), keys.projectTasks(task.projectId), keys.request(task.projectId, 'request-1'), keys.task(task.taskId)].sort());
      const horizon: Record<string, number> = { [keys.task(task.taskId)]: RETENTION_MS, [keys.events(task.taskId)]: RETENTION_MS, [keys.request(task.projectId, 'request-1')]: 86_400_000 };
      for (const key of all) {
        const left = await redis.pttl(key);
        expect([key, left > 0]).toEqual([key, true]);
        expect(left).toBeLessThanOrEqual(horizon[key] ?? RETENTION_MS + 7 * 86_400_000);
      }
    });

    test('a task that has expired is left out of its project’s list', async () => {
      const task = await created();
      await store.cancel(task, 'x');
      await redis.del(keys.task(task.taskId), keys.events(task.taskId));
      expect(await store.listProject('project-1', 10)).toEqual([]);
      expect(await store.read(task.taskId)).toBeUndefined();
    });
  });

  describe('claimRequest', () => {
    test('gives the first task to whoever asks again', async () => {
      expect(await store.claimRequest('project-1', 'r', 'first')).toBe('first');
      expect(await store.claimRequest('project-1', 'r', 'second')).toBe('first');
      expect(await store.claimRequest('project-2', 'r', 'third')).toBe('third');
    });

    test('has one winner among many at once', async () => {
      const second = new TaskStore(other, { retentionMs: RETENTION_MS });
      const claims = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? store : second).claimRequest('project-1', 'r', `task-${i}`)));
      expect(new Set(claims).size).toBe(1);
    });
  });

  test('a batch is remembered', async () => {
    await store.putBatch('batch-1', { projectId: 'project-1', taskIds: ['a', 'b'] });
    expect(await store.readBatch('batch-1')).toEqual({ projectId: 'project-1', taskIds: ['a', 'b'] });
    expect(await store.readBatch('batch-2')).toBeUndefined();
  });

  describe.each(['request', 'worker'] as const)('on a connection of role %s', (role) => {
    let connection: Redis;
    beforeEach(() => { connection = connectRedis(server.url, role, () => undefined); });
    afterEach(() => connection.disconnect());

    test('the first scripts may come in one tick with other commands', async () => {
      const fresh = new TaskStore(connection, { retentionMs: RETENTION_MS });
      const task = newTask();
      const [, , started] = await Promise.all([connection.get('anything'), fresh.create(task, 1), fresh.begin(task, 'w', 3), fresh.cancel(task, 'x')]);
      expect(started).toEqual({ kind: 'started', attempt: 1 });
    });

    test('the scripts survive SCRIPT FLUSH, one by one and in a burst', async () => {
      const flushed = new TaskStore(connection, { retentionMs: RETENTION_MS });
      const task = newTask();
      await flushed.create(task, 1);
      await redis.script('FLUSH');
      expect(await flushed.begin(task, 'w', 3)).toEqual({ kind: 'started', attempt: 1 });
      await flushed.append(task, 1, 'running', { progress: 1, step: 'x' });
      await redis.script('FLUSH');
      const outcomes = await Promise.all(Array.from({ length: 10 }, (_, i) => flushed.append(task, 1, 'running', { progress: i, step: 'burst' })));
      expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: 10 }, () => 'stored'));
      await redis.script('FLUSH');
      expect(await flushed.finish(task, 1, COMPLETED)).toMatchObject({ kind: 'ended' });
      await expectSoundLog(task.taskId);
    });
  });

  test('every transition that any sequence of operations leads to is allowed by NEXT_STATES', async () => {
    type Operation = { name: string; attempt: number };
    const operation: fc.Arbitrary<Operation> = fc.record({
      // What keeps a task alive stands more often than what ends it, or most sequences would be over at once.
      name: fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom('begin', 'begin', 'preparing', 'running', 'running', 'release', 'tell') },
        { weight: 2, arbitrary: fc.constantFrom('complete', 'fail', 'finishCancelled', 'doorFail', 'doorComplete', 'giveUp', 'cancel', 'create') },
      ),
      attempt: fc.integer({ min: 0, max: 4 }),
    });
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 24 }), async (operations) => {
        const task = await created();
        for (const { name, attempt: guess } of operations) {
          // Mostly the attempt that is right, now and then an older or a future one.
          const attempt = guess === 4 ? 1 : ((await store.read(task.taskId))?.attempt ?? 0) + (guess === 3 ? 1 : 0);
          await apply(store, task, name, attempt);
        }
        const statuses = (await expectSoundLog(task.taskId)).map(({ status }) => status);
        statuses.slice(1).forEach((to, index) => {
          const from = statuses[index] as TaskState;
          seen.add(`${from} ${to}`);
          expect({ from, to, allowed: NEXT_STATES[from].includes(to) }).toEqual({ from, to, allowed: true });
        });
      }),
      { numRuns: 1200 },
    );
    // The run was no idle one.
    for (const transition of ['queued queued', 'queued preparing', 'queued cancelled', 'queued failed', 'preparing running', 'preparing preparing', 'running cancelling', 'cancelling cancelled', 'running completed', 'running queued']) {
      expect([...seen]).toContain(transition);
    }
  }, 30_000);

  test('what cannot be read as an event is refused by the reader', async () => {
    expect(() => decodeEvent('{"task_id":"a"}')).toThrow(SyntaxError);
  });
});

function apply(store: TaskStore, task: NewTask, name: string, attempt: number): Promise<unknown> {
  switch (name) {
    case 'create': return store.create(task, 1);
    case 'begin': return store.begin(task, 'worker-1', 3);
    case 'preparing':
    case 'running': return store.append(task, attempt, name, { progress: 50, step: name });
    case 'complete': return store.finish(task, attempt, COMPLETED);
    case 'fail': return store.finish(task, attempt, FAILED);
    case 'finishCancelled': return store.finish(task, attempt, CANCELLED);
    case 'doorFail': return store.finish(task, undefined, FAILED);
    case 'doorComplete': return store.finish(task, undefined, COMPLETED);
    case 'giveUp': return store.finish(task, 'none', FAILED);
    case 'tell': return store.tellQueued(task, { queuePosition: 1, etaSeconds: 5, step: 'waiting' });
    case 'cancel': return store.cancel(task, 'x');
    case 'release': return store.release(task, attempt, 'put back');
    default: throw new Error(`no operation ${name}`);
  }
}
