import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';
import type { TaskState } from '@function-runner/task-contract';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { ProjectHistory, type HistoryPlace } from './project-history.js';
import { connectRedis } from './redis-connection.js';
import type { NewTask } from './task-record.js';
import { TaskStore } from './task-store.js';

describe('ProjectHistory', () => {
  let server: RedisFixture;
  let redis: Redis;
  let store: TaskStore;
  let history: ProjectHistory;
  let serial = 0;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'worker', () => undefined);
    store = new TaskStore(redis, { retentionMs: 3_600_000 });
    history = new ProjectHistory(redis, store);
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(() => redis.flushall());

  /** So many tasks, several in each millisecond, the oldest first. */
  async function submit(count: number, from = Date.now() - 100_000): Promise<NewTask[]> {
    const tasks = Array.from({ length: count }, (): NewTask => {
      serial += 1;
      return { taskId: `task-${String(serial).padStart(6, '0')}`, nodeId: 'n', projectId: 'film', nodeType: 'script', projectName: 'Film', pipelineId: 'p:1', quality: 'low', submittedAt: '2026-01-01T00:00:00.000Z' };
    });
    await Promise.all(tasks.map((task, index) => store.create(task, undefined, undefined, new Date(from + Math.floor(index / 5)))));
    return tasks;
  }

  const ids = (tasks: readonly { taskId: string }[]): string[] => tasks.map(({ taskId }) => taskId);

  /** All pages, and what happens between two of them. */
  async function read(limit: number, { state, meanwhile = () => Promise.resolve() }: { state?: TaskState; meanwhile?: () => Promise<unknown> } = {}): Promise<string[][]> {
    const pages: string[][] = [];
    let after: HistoryPlace | undefined;
    do {
      const { tasks, end } = await history.page('film', { limit, ...(state === undefined ? {} : { state }), ...(after === undefined ? {} : { after }) });
      pages.push(ids(tasks));
      after = end;
      await meanwhile();
    } while (after !== undefined);
    return pages;
  }

  test.each([1, 3, 5, 7, 200])('pages of %d hold every task once, the newest first', async (limit) => {
    const tasks = await submit(53);
    const pages = await read(limit);
    expect(pages.flat()).toEqual(ids(tasks).reverse());
    expect(pages).toHaveLength(Math.ceil(53 / limit));
  });

  test('while others are submitted, end and are asked for twice: nothing comes twice, and nothing is left out', async () => {
    const tasks = await submit(120);
    const late: NewTask[] = [];
    let next = 0;
    const pages = await read(10, {
      meanwhile: async () => {
        late.push(...(await submit(7, Date.now())));
        for (const task of tasks.slice(next, next + 9)) await store.cancel(task, 'x');
        // The door makes it once more, since its answer was lost.
        for (const task of tasks.slice(next, next + 3)) await store.create(task, undefined);
        next += 9;
      },
    });
    expect(late.length).toBeGreaterThan(70);
    expect(pages.flat()).toEqual(ids(tasks).reverse());
  });

  test('of one state: finished ones among many others', async () => {
    const tasks = await submit(500);
    const failed = tasks.filter((_task, index) => index % 50 === 7);
    for (const task of failed) await store.finish(task, undefined, { state: 'failed', error: 'x', code: 'INTERNAL', retryable: true, logTail: [] });
    expect((await read(3, { state: 'failed' })).flat()).toEqual(ids(failed).reverse());
    expect((await read(3, { state: 'completed' })).flat()).toEqual([]);
    expect((await read(100, { state: 'queued' })).flat()).toHaveLength(490);
  });

  test('of a state that few are in a page looks through so many tasks, and the next goes on', async () => {
    const [oldest] = await submit(4500);
    if (oldest === undefined) throw new Error('no task');
    await store.cancel(oldest, 'x');
    const pages = await read(10, { state: 'cancelled' });
    expect(pages.flat()).toEqual([oldest.taskId]);
    expect(pages).toHaveLength(3);
  }, 60_000);

  test('what has expired is left out, and leaves the index', async () => {
    const tasks = await submit(30);
    const gone = tasks.filter((_task, index) => index % 3 === 0);
    await redis.del(...gone.map(({ taskId }) => keys.task(taskId)));
    expect((await read(4)).flat()).toEqual(ids(tasks.filter((task) => !gone.includes(task))).reverse());
    await waitFor('the index to be tidy', async () => (await redis.zcard(keys.projectTasks('film'))) === 20);
  });

  test('an empty project, and a place behind the last, are one empty page', async () => {
    expect(await history.page('film', { limit: 5 })).toEqual({ tasks: [], end: undefined });
    await submit(3);
    expect(await history.page('film', { limit: 5, after: { submittedAt: 1, taskId: 'a' } })).toEqual({ tasks: [], end: undefined });
  });
});
