import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { projectChannel, taskChannel } from '@function-runner/progress-protocol';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { connectRedis } from './redis-connection.js';
import type { NewTask } from './task-record.js';
import { TaskStore, type TaskEnd } from './task-store.js';

const STANDING = { queuePosition: 3, etaSeconds: 61.4, step: 'waiting for 24 GiB on host "A"' };
const RACERS = ['tell', 'begin', 'append', 'cancel', 'give up'] as const;
const GIVEN_UP: TaskEnd = { state: 'failed', error: 'no worker can', code: 'NO_CAPABLE_WORKER', retryable: false, logTail: [] };

describe('what waits', () => {
  let server: RedisFixture;
  let redis: Redis;
  let other: Redis;
  let store: TaskStore;
  let second: TaskStore;
  let serial = 0;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    other = connectRedis(server.url, 'worker', () => undefined);
    store = new TaskStore(redis, { retentionMs: 3_600_000 });
    second = new TaskStore(other, { retentionMs: 3_600_000 });
  });
  afterAll(async () => {
    redis.disconnect();
    other.disconnect();
    await server.stop();
  });

  async function created(): Promise<NewTask> {
    serial += 1;
    const task: NewTask = {
      taskId: `task-${serial}`, nodeId: 'node-1', projectId: 'project-1', nodeType: 'image_upscale', projectName: 'Film', pipelineId: 'image-upscale:1.0-low', quality: 'low',
      submittedAt: '2026-01-01T00:00:00.000Z',
    };
    await store.create(task, 7);
    return task;
  }

  test('is told where it stands: stored, published, and the record’s step', async () => {
    const subscriber = connectRedis(server.url, 'subscriber', () => undefined);
    try {
      const task = await created();
      const heard: string[] = [];
      subscriber.on('message', (channel: string) => heard.push(channel));
      await subscriber.subscribe(taskChannel(task.taskId), projectChannel(task.projectId));
      expect(await store.tellQueued(task, STANDING, new Date('2026-01-02T03:04:05.006Z'))).toEqual({ kind: 'stored', seq: 2 });
      expect(await store.events(task.taskId, 1)).toEqual([{
        task_id: task.taskId, node_id: 'node-1', project_id: 'project-1', seq: 2, attempt: 0, progress: 0, step: STANDING.step, status: 'queued',
        timestamp: '2026-01-02T03:04:05.006Z', queue_position: 3, eta_seconds: 61,
      }]);
      expect(await store.read(task.taskId)).toMatchObject({ state: 'queued', seq: 2, step: STANDING.step });
      await waitFor('both channels', () => heard.length === 2);
      expect(heard.sort()).toEqual([projectChannel(task.projectId), taskChannel(task.taskId)]);
    } finally {
      subscriber.disconnect();
    }
  });

  test('keeps the attempt and the progress that it was put back with', async () => {
    const task = await created();
    await store.begin(task, 'worker-1', 3);
    await store.append(task, 1, 'running', { progress: 40, step: 'tiles' });
    await store.release(task, 1, 'put back');
    await store.tellQueued(task, { ...STANDING, etaSeconds: undefined });
    const last = (await store.events(task.taskId, 4))[0];
    expect(last).toMatchObject({ seq: 5, attempt: 1, progress: 40, status: 'queued' });
    expect(last).not.toHaveProperty('eta_seconds');
  });

  test.each<[string, (task: NewTask) => Promise<unknown>]>([
    ['is being prepared', (task) => store.begin(task, 'worker-1', 3)],
    ['is being cancelled', async (task) => { await store.begin(task, 'worker-1', 3); await store.cancel(task, 'x'); }],
    ['has ended', (task) => store.cancel(task, 'x')],
    ['is gone', (task) => redis.del(`task:{${task.taskId}}`, `task:{${task.taskId}}:events`)],
  ])('one that %s is told nothing', async (_where, change) => {
    const task = await created();
    await change(task);
    const before = await store.events(task.taskId, 0);
    expect(await store.tellQueued(task, STANDING)).toEqual({ kind: 'refused' });
    expect(await store.events(task.taskId, 0)).toEqual(before);
  });

  test('is told so often and no more; its start is told all the same', async () => {
    const task = await created();
    const outcomes = await Promise.all(Array.from({ length: 210 }, () => store.tellQueued(task, STANDING)));
    expect(outcomes.filter(({ kind }) => kind === 'stored')).toHaveLength(200);
    expect(outcomes.filter(({ kind }) => kind === 'exhausted')).toHaveLength(10);
    await store.begin(task, 'worker-1', 3);
    expect((await store.events(task.taskId, 0)).map(({ seq }) => seq)).toEqual(Array.from({ length: 202 }, (_unused, index) => index + 1));
  });

  test('no such event follows the start, however the two race', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...RACERS), { minLength: 3, maxLength: 12 }), fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }), async (operations, sides) => {
        const task = await created();
        const run: Record<(typeof RACERS)[number], (on: TaskStore) => Promise<unknown>> = {
          tell: (on) => on.tellQueued(task, STANDING),
          begin: (on) => on.begin(task, 'worker-1', 99),
          append: (on) => on.append(task, 1, 'running', { progress: 50, step: 'x' }),
          cancel: (on) => on.cancel(task, 'race'),
          'give up': (on) => on.finish(task, 'none', GIVEN_UP),
        };
        await Promise.all(operations.map((name, index) => run[name](sides[index] === true ? store : second)));
        const events = await store.events(task.taskId, 0);
        expect(events.map(({ seq }) => seq)).toEqual(events.map((_unused, index) => index + 1));
        const lastWaiting = events.map(({ status }) => status).lastIndexOf('queued');
        const begun = events.findIndex(({ status }) => status !== 'queued');
        if (begun >= 0) expect(lastWaiting).toBeLessThan(begun);
        // Given up while it waited, or not at all.
        if (events.some((event) => event.status === 'failed')) expect(events.map(({ status }) => status).filter((status) => status !== 'queued')).toEqual(['failed']);
      }),
      { numRuns: 150 },
    );
  });

  describe('given up', () => {
    test('ends while it waits', async () => {
      const task = await created();
      expect(await store.finish(task, 'none', GIVEN_UP)).toEqual({ kind: 'ended', seq: 2 });
      expect(await store.read(task.taskId)).toMatchObject({ state: 'failed', code: 'NO_CAPABLE_WORKER', error: 'no worker can' });
      expect(await store.finish(task, 'none', { ...GIVEN_UP, error: 'another reason' })).toEqual({ kind: 'refused', state: 'failed' });
    });

    test('is not ended once it has begun, and never completed', async () => {
      const waiting = await created();
      expect(await store.finish(waiting, 'none', { state: 'completed', result: { outputPath: '/x', outputs: [], metadata: { pipelineId: 'p', durationMs: 1, queuedMs: 1, attempt: 0 } } })).toEqual({ kind: 'refused', state: 'queued' });
      const begun = await created();
      await store.begin(begun, 'worker-1', 3);
      expect(await store.finish(begun, 'none', GIVEN_UP)).toEqual({ kind: 'refused', state: 'preparing' });
    });
  });
});
