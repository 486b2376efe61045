import { pino, type Logger } from 'pino';
import { taskChannel, projectChannel, type TaskEvent } from '@function-runner/progress-protocol';
import { connectRedis, TaskStore, type TaskIdentity } from '@function-runner/task-store';
import { RedisFixture, waitFor } from '@function-runner/testing';
import type { Redis } from 'ioredis';
import { ProgressReporter, type AttemptVerdict } from './progress-reporter.js';

let fixture: RedisFixture;
let redis: Redis;
let store: TaskStore;
let tasks = 0;

beforeAll(async () => {
  fixture = await RedisFixture.start();
  redis = connectRedis(fixture.url, 'worker', () => undefined);
  store = new TaskStore(redis, { retentionMs: 60_000 });
});
afterAll(async () => {
  redis.disconnect();
  await fixture.stop();
});

interface Reporting {
  task: TaskIdentity;
  reporter: ProgressReporter;
  verdicts: AttemptVerdict[];
  logged: string[];
  /** The attempt's events after the claim. */
  events(): Promise<TaskEvent[]>;
}

/** A claimed attempt of a new task. */
async function report(perSecond: number): Promise<Reporting> {
  tasks += 1;
  const task: TaskIdentity = { taskId: `task-${tasks}`, nodeId: 'node-1', projectId: 'film', batchId: 'batch-1' };
  await store.create({ ...task, nodeType: 'script', projectName: 'Film', pipelineId: 'script:1.0', quality: 'high', submittedAt: new Date().toISOString() }, undefined);
  const claim = await store.begin(task, 'worker-1', 3);
  if (claim.kind !== 'started') throw new Error('not claimed');
  const verdicts: AttemptVerdict[] = [];
  const logged: string[] = [];
  const logger: Logger = pino({ level: 'warn' }, { write: (line: string) => void logged.push(line) });
  const reporter = new ProgressReporter(store, task, claim.attempt, perSecond, (verdict) => verdicts.push(verdict), logger);
  return { task, reporter, verdicts, logged, events: async () => (await store.events(task.taskId, 0)).filter(({ seq }) => seq > 2) };
}

describe('ProgressReporter', () => {
  it('writes steps and progress into the log, and publishes the same', async () => {
    const { task, reporter, events } = await report(0);
    const heard: string[] = [];
    const subscriber = connectRedis(fixture.url, 'subscriber', () => undefined);
    subscriber.on('message', (_channel: string, text: string) => heard.push(text));
    await subscriber.subscribe(taskChannel(task.taskId));
    await reporter.enter('preparing', 'pulling');
    await reporter.enter('running', 'running');
    reporter.report(12.5, 'tile 1');
    reporter.report(50, undefined);
    const stored = await waitFor('four events', async () => ((await events()).length === 4 ? events() : undefined));
    expect(stored.map(({ seq, status, progress, step, attempt }) => [seq, status, progress, step, attempt])).toEqual([
      [3, 'preparing', 0, 'pulling', 1], [4, 'running', 0, 'running', 1], [5, 'running', 12.5, 'tile 1', 1], [6, 'running', 50, 'tile 1', 1],
    ]);
    await waitFor('four messages', () => heard.length === 4);
    expect(heard.map((text) => JSON.parse(text) as unknown)).toEqual(stored);
    subscriber.disconnect();
    reporter.close();
  });

  it('never falls', async () => {
    const { reporter, events } = await report(0);
    for (const value of [10, 5, 40, 39.99, 0, 100, 20]) reporter.report(value, `at ${value}`);
    await reporter.enter('running', 'last');
    const values = (await events()).map(({ progress }) => progress);
    expect(values).toEqual([10, 10, 40, 40, 40, 100, 100, 100]);
  });

  it('says nothing twice', async () => {
    const { reporter, events } = await report(0);
    for (let times = 0; times < 5; times += 1) reporter.report(10, 'same');
    await reporter.enter('running', 'last');
    expect(await events()).toHaveLength(2);
  });

  it('coalesces a flood, and the latest wins', async () => {
    const { reporter, events } = await report(10);
    const from = performance.now();
    for (let step = 1; step <= 5000; step += 1) reporter.report(step / 100, `step ${step}`);
    const last = await waitFor('the latest', async () => (await events()).find(({ step }) => step === 'step 5000'));
    expect(last.progress).toBe(50);
    const elapsed = performance.now() - from;
    expect((await events()).length).toBeLessThanOrEqual(2 + Math.ceil(elapsed / 100));
    reporter.close();
  });

  it('lets a step overtake what waits', async () => {
    const { reporter, events } = await report(1);
    reporter.report(10, 'first');
    reporter.report(90, 'waits at the gate');
    await reporter.enter('running', 'publishing the take');
    expect((await events()).map(({ progress, step }) => [progress, step])).toEqual([[10, 'first'], [90, 'publishing the take']]);
  });

  it('forgets what waits when the pipeline goes back on it', async () => {
    const { reporter, events } = await report(20);
    reporter.report(10, 'a');
    reporter.report(10, 'b');
    reporter.report(10, 'a');
    reporter.report(11, 'c');
    await waitFor('the last step', async () => (await events()).some(({ step }) => step === 'c'));
    expect((await events()).map(({ step }) => step)).toEqual(['a', 'c']);
    reporter.close();
  });

  it('writes nothing after its end', async () => {
    const { reporter, events } = await report(2);
    reporter.report(10, 'first');
    reporter.report(20, 'waits');
    reporter.close();
    await reporter.enter('running', 'late');
    reporter.report(30, 'later');
    // A write of ours would stand before this answer: one connection keeps its order.
    await redis.ping();
    expect((await events()).map(({ step }) => step)).toEqual(['first']);
  });

  it('passes on that the task is being cancelled', async () => {
    const { task, reporter, verdicts, events } = await report(0);
    await store.cancel(task, 'by a test');
    await reporter.enter('running', 'goes on');
    expect(verdicts).toEqual(['cancelling']);
    expect((await events()).map(({ status }) => status)).toEqual(['cancelling']);
  });

  it('passes on that a newer attempt has begun', async () => {
    const { task, reporter, verdicts, events } = await report(0);
    await store.begin(task, 'worker-2', 3);
    await reporter.enter('running', 'goes on');
    expect(verdicts).toEqual(['superseded']);
    expect((await events()).map(({ attempt, status }) => [attempt, status])).toEqual([[2, 'preparing']]);
  });

  it('costs a run nothing when Redis is full, and complains once', async () => {
    const { reporter, verdicts, logged, events } = await report(0);
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(redis.set('probe', 'x')).rejects.toThrow('OOM');
      for (let value = 1; value <= 50; value += 1) reporter.report(value, 'lost');
      await reporter.enter('running', 'lost too');
      expect([verdicts, logged.length]).toEqual([[], 1]);
      expect(logged[0]).toContain('progress cannot be written');
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    await reporter.enter('running', 'back');
    expect((await events()).map(({ progress, step }) => [progress, step])).toEqual([[50, 'back']]);
  });

  it('sends a preview now and then, and keeps none', async () => {
    const { reporter, events } = await report(0);
    const heard: unknown[] = [];
    const subscriber = connectRedis(fixture.url, 'subscriber', () => undefined);
    subscriber.on('message', (_channel: string, text: string) => heard.push(JSON.parse(text)));
    await subscriber.subscribe(projectChannel('film'));
    await reporter.enter('running', 'running');
    const picture = { mediaType: 'image/png', data: 'aGk=' };
    for (let times = 0; times < 20; times += 1) reporter.preview(picture);
    await reporter.enter('running', 'after');
    await waitFor('the event after the previews', () => heard.some((message) => (message as TaskEvent).step === 'after'));
    expect(heard.filter((message) => 'preview' in (message as object))).toEqual([
      expect.objectContaining({ task_id: expect.stringContaining('task-'), node_id: 'node-1', project_id: 'film', batch_id: 'batch-1', seq: 3, attempt: 1, status: 'running', step: 'running', preview: picture }),
    ]);
    expect(await events()).toHaveLength(2);
    reporter.close();
    reporter.preview(picture);
    subscriber.disconnect();
  });
});
