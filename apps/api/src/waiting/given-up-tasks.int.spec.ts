import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { DEFAULT_TIERS } from '@function-runner/pipeline-schema';
import { keys } from '@function-runner/progress-protocol';
import { queueName, TaskError } from '@function-runner/task-contract';
import { connectRedis, TaskStore, type NewTask } from '@function-runner/task-store';
import { RedisFixture, testJob } from '@function-runner/testing';
import { TaskQueues } from '../queue/task-queues.adapter.js';
import { WaitingJobs } from '../queue/waiting-jobs.adapter.js';
import { GivenUpTasks } from './given-up-tasks.js';

const ERROR = new TaskError('NO_CAPABLE_WORKER', 'nobody came');

Logger.overrideLogger(false);

describe('GivenUpTasks', () => {
  let server: RedisFixture;
  let redis: Redis;
  let store: TaskStore;
  let queues: TaskQueues;
  let jobs: WaitingJobs;
  let givenUp: GivenUpTasks;
  let serial = 0;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    redis.setMaxListeners(50);
    store = new TaskStore(redis, { retentionMs: 3_600_000 });
    queues = new TaskQueues(redis, { prefix: 'bull', tiers: DEFAULT_TIERS });
    jobs = new WaitingJobs(redis, 'bull');
    await queues.whenReady();
  });
  beforeEach(async () => {
    await redis.flushall();
    givenUp = new GivenUpTasks(redis, store, queues, jobs);
  });
  afterAll(async () => {
    await queues.close();
    redis.disconnect();
    await server.stop();
  });

  async function queued(): Promise<NewTask> {
    serial += 1;
    const task: NewTask = {
      taskId: `task-${serial}`, nodeId: 'node-1', projectId: 'film', nodeType: 'script', projectName: 'Film', pipelineId: 'p:1', quality: 'high', submittedAt: new Date().toISOString(),
    };
    await store.create(task, 1);
    await queues.add('high', task.taskId, testJob(''), 'normal');
    return task;
  }
  const statuses = async ({ taskId }: NewTask): Promise<string[]> => (await store.events(taskId, 0)).map(({ status }) => status);
  const mark = (taskId: string): Promise<number> => redis.hset(keys.givenUp, taskId, JSON.stringify({ tier: 'high', error: 'nobody came' }));

  test('ends what waits, and takes its job away', async () => {
    const task = await queued();
    expect(await givenUp.end(task.taskId, 'high', ERROR)).toBe(true);
    expect((await store.events(task.taskId, 1))[0]).toMatchObject({ status: 'failed', code: 'NO_CAPABLE_WORKER', error: 'nobody came', retryable: false, log_tail: [] });
    expect(await jobs.has('high', task.taskId)).toBe(false);
    expect(await redis.exists(keys.givenUp)).toBe(0);
    expect(await givenUp.end(task.taskId, 'high', ERROR)).toBe(true);
    expect(await statuses(task)).toEqual(['queued', 'failed']);
  });

  test('leaves alone what a worker has, begun or not', async () => {
    for (const begun of [false, true]) {
      const task = await queued();
      await redis.set(`bull:quality_high:${task.taskId}:lock`, 'token');
      if (begun) await store.begin(task, 'worker-1', 3);
      expect(await givenUp.end(task.taskId, 'high', ERROR)).toBe(false);
      expect(await statuses(task)).toEqual(begun ? ['queued', 'preparing'] : ['queued']);
      expect(await jobs.has('high', task.taskId)).toBe(true);
      expect(await redis.exists(keys.givenUp)).toBe(0);
    }
  });

  test('against a worker that takes it at the same time: one of them has it', async () => {
    const outcomes = new Set<string>();
    for (let round = 0; round < 60; round += 1) {
      const task = await queued();
      const key = `bull:quality_high:${task.taskId}`;
      // What a worker does that takes a job, in one step: only where it waits.
      const take = `if redis.call('LREM', KEYS[1], 0, ARGV[1]) == 0 then return 0 end redis.call('LPUSH', KEYS[2], ARGV[1]) redis.call('SET', KEYS[3], 't') return 1`;
      const taking = async (): Promise<boolean> => {
        for (let trip = 0; trip < round % 6; trip += 1) await redis.ping();
        const taken = (await redis.eval(take, 3, 'bull:quality_high:wait', 'bull:quality_high:active', `${key}:lock`, task.taskId)) === 1;
        if (taken) await store.begin(task, 'worker-1', 3);
        return taken;
      };
      const [taken, ended] = await Promise.all([taking(), givenUp.end(task.taskId, 'high', ERROR)]);
      expect([ended, taken].filter(Boolean)).toHaveLength(1);
      expect(await statuses(task)).toEqual(ended ? ['queued', 'failed'] : ['queued', 'preparing']);
      outcomes.add(String(ended));
    }
    expect(outcomes.size).toBe(2);
  });

  test('ends the attempt of a worker that died, whose job waits again', async () => {
    const task = await queued();
    await store.begin(task, 'worker-1', 3);
    await store.append(task, 1, 'running', { progress: 10, step: 'x' });
    expect(await givenUp.end(task.taskId, 'high', ERROR)).toBe(true);
    expect(await statuses(task)).toEqual(['queued', 'preparing', 'running', 'failed']);
  });

  test('finishes what a process left between the two steps', async () => {
    const [orphan, waiting, ended] = [await queued(), await queued(), await queued()];
    await queues.remove('high', orphan.taskId);
    await queues.remove('high', ended.taskId);
    await store.cancel(ended, 'x');
    for (const taskId of [orphan.taskId, waiting.taskId, ended.taskId, 'expired']) await mark(taskId);
    await givenUp.resume();
    expect(await statuses(orphan)).toEqual(['queued', 'failed']);
    expect(await statuses(waiting)).toEqual(['queued']);
    expect(await statuses(ended)).toEqual(['queued', 'cancelled']);
    expect(await redis.exists(keys.givenUp)).toBe(0);
    // Once is enough.
    await mark(waiting.taskId);
    await givenUp.resume();
    expect(await redis.exists(keys.givenUp)).toBe(1);
  });

  test('finishes what an error of its own left', async () => {
    const task = await queued();
    const broken = new GivenUpTasks(redis, { read: (taskId) => store.read(taskId), finish: () => Promise.reject(new Error('Command timed out')) }, queues, jobs);
    await expect(broken.end(task.taskId, 'high', ERROR)).rejects.toThrow('Command timed out');
    expect(await statuses(task)).toEqual(['queued']);
    await givenUp.resume();
    expect(await statuses(task)).toEqual(['queued', 'failed']);
    const queue = new Queue(queueName('high'), { connection: redis });
    expect(await queue.getJobCountByTypes('wait', 'active', 'prioritized')).toBe(0);
    await queue.close();
  });
});
