import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { connectRedis, TaskStore, type NewTask } from '@function-runner/task-store';
import { RedisFixture } from '@function-runner/testing';
import { QueueTeller } from './queue-teller.js';
import type { StandingTask } from './standings.js';

describe('QueueTeller', () => {
  let server: RedisFixture;
  let redis: Redis;
  let store: TaskStore;
  let teller: QueueTeller;
  let told: number;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    store = new TaskStore(redis, { retentionMs: 3_600_000 });
  });
  beforeEach(async () => {
    await redis.flushall();
    told = 0;
    teller = new QueueTeller(store, () => (told += 1));
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });

  async function create(count: number, changes: Partial<NewTask> = {}): Promise<void> {
    await Promise.all(Array.from({ length: count }, (_unused, index) => store.create({
      taskId: `t${index}`, nodeId: 'n', projectId: 'p', nodeType: 'x', projectName: 'P', pipelineId: 'p:1', quality: 'high', submittedAt: '2026-01-01T00:00:00.000Z', ...changes,
    }, index + 1)));
  }
  const standings = (count: number, step = 'next in line'): StandingTask[] => Array.from({ length: count }, (_unused, index) => ({
    task: { taskId: `t${index}`, tier: 'high', projectId: 'p', pipelineId: 'p:1', priority: 'normal', submittedAt: 0, demand: { gpus: 0, vramBytes: 0, splittable: false, cpuMillis: 0, memoryBytes: 0 } },
    position: index + 1, etaSeconds: undefined, step,
  }));
  /** A round at a time, milliseconds; answers how many were told. */
  async function round(at: number, given: StandingTask[]): Promise<number> {
    const before = told;
    await teller.tell(teller.choose(given, at), at);
    return told - before;
  }

  test('tells nobody before they have waited for half a second', async () => {
    await create(2);
    expect(await round(0, standings(1))).toBe(0);
    expect(await round(499, standings(2))).toBe(0);
    expect(await round(500, standings(2))).toBe(1);
    expect(await round(999, standings(2))).toBe(1);
    expect((await store.events('t0', 1)).map((event) => ({ ...event, timestamp: '' }))).toEqual([
      { task_id: 't0', node_id: 'n', project_id: 'p', seq: 2, attempt: 0, progress: 0, status: 'queued', step: 'next in line', queue_position: 1, timestamp: '' },
    ]);
  });

  test('tells of changes alone', async () => {
    await create(1, { batchId: 'b' });
    await round(0, standings(1));
    expect(await round(1000, standings(1))).toBe(1);
    expect(await round(9000, standings(1))).toBe(0);
    expect(await round(9000, standings(1, 'another reason'))).toBe(1);
    expect((await store.events('t0', 2))[0]).toMatchObject({ step: 'another reason', batch_id: 'b' });
  });

  test('tells a hundred in a round, and those first that were told least lately', async () => {
    await create(250);
    await round(0, standings(250));
    for (const [after, count] of [[1000, 100], [1000, 100], [1000, 50], [1000, 0]] as const) expect(await round(after, standings(250))).toBe(count);
    // With news for all of them, each is told once before any is told twice.
    for (const at of [20_000, 20_500, 21_000]) await round(at, standings(250, 'news'));
    const counts = await Promise.all(standings(250).map(async ({ task }) => (await store.events(task.taskId, 1)).length));
    expect(new Set(counts)).toEqual(new Set([2]));
  });

  test('asks no more about one that does not wait after all, or is gone, until there is news', async () => {
    await create(1);
    await store.begin({ taskId: 't0', nodeId: 'n', projectId: 'p' }, 'worker-1', 3);
    await round(0, standings(2));
    expect(await round(1000, standings(2))).toBe(0);
    expect(teller.choose(standings(2), 30_000)).toEqual([]);
    expect(teller.choose(standings(2, 'news'), 30_000).map(({ standing }) => standing.task.taskId)).toEqual(['t0']);
    expect(await store.events('t0', 2)).toEqual([]);
  });

  test('lets one be whose log is full', async () => {
    await create(1);
    const identity = { taskId: 't0', nodeId: 'n', projectId: 'p' };
    while ((await store.tellQueued(identity, { queuePosition: 1, etaSeconds: undefined, step: 'x' })).kind === 'stored');
    await round(0, standings(1));
    expect(await round(1000, standings(1))).toBe(0);
    expect(teller.choose(standings(1, 'news'), 30_000)).toEqual([]);
  });

  test('forgets who waits no more', async () => {
    await create(1);
    await round(0, standings(1));
    await round(1000, standings(1));
    await round(2000, []);
    // It is as new: it has to wait again before it is told anything.
    expect(await round(2000, standings(1, 'news'))).toBe(0);
    expect(await round(2500, standings(1, 'news'))).toBe(1);
  });
});
