import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';
import { RedisFixture } from '@function-runner/testing';
import { connectRedis } from './redis-connection.js';
import type { NewTask } from './task-record.js';
import { TaskStore, type TaskEnd } from './task-store.js';

const COMPLETED: TaskEnd = { state: 'completed', result: { outputPath: '/workspace/x', outputs: [], metadata: { pipelineId: 'p:1', durationMs: 5, queuedMs: 1, attempt: 1 } } };

describe('Event stream trimmed (XTRIM)', () => {
  let server: RedisFixture;
  let redis: Redis;
  let store: TaskStore;
  let serial = 0;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'worker', () => undefined);
    store = new TaskStore(redis, { retentionMs: 3_600_000 });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  /** Runs, with ten reports behind it: events 1 to 12. */
  async function running(): Promise<NewTask> {
    serial += 1;
    const task: NewTask = { taskId: `task-${serial}`, nodeId: 'n', projectId: 'film', nodeType: 'script', projectName: 'Film', pipelineId: 'p:1', quality: 'low', submittedAt: '2026-01-01T00:00:00.000Z' };
    await store.create(task, 1);
    await store.begin(task, 'worker-1', 3, 'token:1');
    for (let report = 1; report <= 10; report += 1) await store.append(task, 1, 'running', { progress: report, step: 'tiles' });
    return task;
  }

  /** Leaves the last so many events, and proves it. */
  async function trim({ taskId }: NewTask, keep: number): Promise<void> {
    const before = await redis.xlen(keys.events(taskId));
    expect(await redis.xtrim(keys.events(taskId), 'MAXLEN', keep)).toBe(before - keep);
  }

  const seqsAfter = async ({ taskId }: NewTask, seq: number): Promise<number[]> => (await store.events(taskId, seq)).map((event) => event.seq);

  test.each([5, 1, 0])('to %d events: who resumes gets those that are there, and the record says where the task stands', async (keep) => {
    const task = await running();
    await trim(task, keep);
    const kept = [8, 9, 10, 11, 12].slice(5 - keep);
    expect([await seqsAfter(task, 0), await seqsAfter(task, 3)]).toEqual([kept, kept]);
    expect(await store.read(task.taskId)).toMatchObject({ state: 'running', seq: 12, progress: 10 });
  });

  test('to nothing: the task goes on with the next seq, and ends once', async () => {
    const task = await running();
    await trim(task, 0);
    expect(await store.append(task, 1, 'running', { progress: 50, step: 'tiles' })).toEqual({ kind: 'stored', seq: 13 });
    expect(await store.finish(task, 1, COMPLETED)).toEqual({ kind: 'ended', seq: 14 });
    expect(await store.finish(task, 1, COMPLETED)).toEqual({ kind: 'ended', seq: 14 });
    expect(await seqsAfter(task, 0)).toEqual([13, 14]);
  });

  test('after the end: the end is in the record', async () => {
    const task = await running();
    await store.finish(task, 1, COMPLETED);
    await trim(task, 0);
    expect(await seqsAfter(task, 0)).toEqual([]);
    expect(await store.read(task.taskId)).toMatchObject({ state: 'completed', seq: 13, result: { outputPath: '/workspace/x' } });
    expect(await redis.pttl(keys.task(task.taskId))).toBeGreaterThan(0);
  });

  test('and asked for in pages, as a long resume does', async () => {
    const task = await running();
    await trim(task, 5);
    expect((await store.events(task.taskId, 0, 2)).map(({ seq }) => seq)).toEqual([8, 9]);
    expect((await store.events(task.taskId, 9, 2)).map(({ seq }) => seq)).toEqual([10, 11]);
    expect((await store.events(task.taskId, 11, 2)).map(({ seq }) => seq)).toEqual([12]);
  });
});
