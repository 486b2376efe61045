import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { DEFAULT_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import type { WaitingTask } from '@function-runner/scheduling';
import type { TaskPriority } from '@function-runner/task-contract';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, testJob } from '@function-runner/testing';
import { TaskQueues } from '../queue/task-queues.adapter.js';
import { WaitingJobs } from '../queue/waiting-jobs.adapter.js';
import { WaitingMirror } from './waiting-mirror.js';

const LIMITS = { low: 1, standard: 2, high: 3, premium: 4 };

describe('WaitingMirror over real queues', () => {
  let server: RedisFixture;
  let redis: Redis;
  let queues: TaskQueues;
  let jobs: WaitingJobs;
  let mirror: WaitingMirror;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    redis.setMaxListeners(50);
    queues = new TaskQueues(redis, { prefix: 'bull', tiers: DEFAULT_TIERS });
    jobs = new WaitingJobs(redis, 'bull');
    await queues.whenReady();
  });
  beforeEach(async () => {
    await redis.flushall();
    mirror = new WaitingMirror(jobs, LIMITS);
  });
  afterAll(async () => {
    await queues.close();
    redis.disconnect();
    await server.stop();
  });

  const add = (tier: QualityTier, taskId: string, priority: TaskPriority = 'normal'): Promise<void> => queues.add(tier, taskId, testJob(''), priority);
  /** As a worker does. */
  async function take(tier: QualityTier, taskId: string, at: number): Promise<void> {
    const queue = `bull:quality_${tier}`;
    await redis.multi().lrem(`${queue}:wait`, 0, taskId).zrem(`${queue}:prioritized`, taskId).lpush(`${queue}:active`, taskId).hset(`${queue}:${taskId}`, 'processedOn', at).exec();
  }
  const waiting = (): string[] => [...mirror.line.tasks()].map(({ taskId }) => taskId).sort();
  const running = (): [string, number][] => [...mirror.running].map(({ task, startedAt }): [string, number] => [task.taskId, startedAt]).sort();
  const described = (taskId: string, tier: QualityTier = 'high'): WaitingTask => ({
    taskId, tier, projectId: 'film', pipelineId: 'p:1', priority: 'normal', submittedAt: 1, demand: { gpus: 0, vramBytes: 0, splittable: false, cpuMillis: 0, memoryBytes: 1 },
  });

  test('finds what waits and what runs, in every tier and of every priority', async () => {
    await Promise.all([add('low', 'a'), add('high', 'b', 'high'), add('high', 'c', 'low'), add('premium', 'd')]);
    await take('premium', 'd', 1234);
    await mirror.look();
    expect(waiting()).toEqual(['a', 'b', 'c']);
    expect(mirror.line.get('b')).toMatchObject({ tier: 'high', priority: 'high', projectId: 'film', pipelineId: 'script:1.0' });
    expect(running()).toEqual([['d', 1234]]);
    expect(mirror.tiers).toEqual({ low: { running: 0, limit: 1 }, standard: { running: 0, limit: 2 }, high: { running: 0, limit: 3 }, premium: { running: 1, limit: 4 } });
  });

  test('forgets what is gone', async () => {
    await Promise.all([add('low', 'a'), add('low', 'b')]);
    await take('low', 'b', 1);
    await mirror.look();
    await queues.remove('low', 'a');
    await redis.del('bull:quality_low:active', 'bull:quality_low:b');
    await mirror.look();
    expect([waiting(), running()]).toEqual([[], []]);
  });

  test('overlooks jobs that are none of ours', async () => {
    await add('low', 'a');
    for (const [taskId, data] of [['x', '{}'], ['y', 'not JSON'], ['z', 'null']] as const) await redis.multi().hset(`bull:quality_low:${taskId}`, 'data', data).lpush('bull:quality_low:wait', taskId).exec();
    await mirror.look();
    expect(waiting()).toEqual(['a']);
  });

  test('reads more jobs than fit into one question', async () => {
    await Promise.all(Array.from({ length: 450 }, (_unused, index) => add('high', `t${index}`)));
    await mirror.look();
    expect(mirror.line.size).toBe(450);
  });

  test('keeps in step by messages', () => {
    mirror.hear({ kind: 'waiting', task: described('a') }, [], 5);
    mirror.hear({ kind: 'waiting', task: described('a') }, [], 5);
    mirror.hear({ kind: 'waiting', task: described('b') }, [], 5);
    mirror.hear({ kind: 'free', host: 'h' }, [], 5);
    mirror.hear({ kind: 'taken', host: 'h', worker: 'w', tasks: [{ taskId: 'a', resources: ['memory'] }, { taskId: 'unknown', resources: [] }] }, [], 6);
    expect([waiting(), running(), mirror.tiers.high.running]).toEqual([['b'], [['a', 6]], 1]);
    // Put back.
    mirror.hear({ kind: 'ended', worker: 'w', taskIds: ['a'] }, [], 7);
    mirror.hear({ kind: 'waiting', task: described('a') }, [], 7);
    mirror.remove('b');
    expect([waiting(), running()]).toEqual([['a'], []]);
  });

  test('what is said during a look is newer than what the look has seen', async () => {
    await Promise.all([add('high', 'a'), add('high', 'b'), add('high', 'c'), add('high', 'd')]);
    await take('high', 'd', 1);
    await mirror.look();
    await add('high', 'e');
    // Between the look and the reading of what it found.
    const slow = new WaitingMirror({
      look: async () => {
        const sights = await jobs.look();
        slow.hear({ kind: 'taken', host: 'h', worker: 'w', tasks: [{ taskId: 'a', resources: [] }] }, [], 9);
        slow.hear({ kind: 'ended', worker: 'w', taskIds: ['d'] }, [], 9);
        slow.hear({ kind: 'waiting', task: described('new') }, [], 9);
        return sights;
      },
      describe: async (tier, taskIds) => {
        const seen = await jobs.describe(tier, taskIds);
        if (tier === 'high') slow.remove('e');
        return seen;
      },
    }, LIMITS);
    for (const taskId of ['a', 'b', 'c']) slow.hear({ kind: 'waiting', task: described(taskId) }, [], 1);
    await slow.look();
    expect([...slow.line.tasks()].map(({ taskId }) => taskId).sort()).toEqual(['b', 'c', 'new']);
    expect([...slow.running].map(({ task: { taskId } }) => taskId)).toEqual(['a']);
  });
});
