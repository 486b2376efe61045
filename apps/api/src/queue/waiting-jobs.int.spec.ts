import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { DEFAULT_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import { WaitingMirror } from '@function-runner/scheduling';
import type { TaskPriority } from '@function-runner/task-contract';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, testJob } from '@function-runner/testing';
import { TaskQueues } from './task-queues.adapter.js';
import { WaitingJobs } from './waiting-jobs.adapter.js';

const LIMITS = { low: 1, standard: 2, high: 3, premium: 4 };

describe('WaitingJobs, as a mirror sees them', () => {
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
  const running = (): [string, number][] => [...mirror.running()].map(({ task, startedAt }): [string, number] => [task.taskId, startedAt]).sort();

  test('finds what waits and what runs, in every tier and of every priority', async () => {
    await Promise.all([add('low', 'a'), add('high', 'b', 'high'), add('high', 'c', 'low'), add('premium', 'd')]);
    await take('premium', 'd', 1234);
    await mirror.look(5);
    expect(waiting()).toEqual(['a', 'b', 'c']);
    expect(mirror.line.get('b')).toMatchObject({ tier: 'high', priority: 'high', projectId: 'film', pipelineId: 'script:1.0' });
    expect(running()).toEqual([['d', 1234]]);
    expect(mirror.tiers).toEqual({ low: { running: 0, limit: 1 }, standard: { running: 0, limit: 2 }, high: { running: 0, limit: 3 }, premium: { running: 1, limit: 4 } });
  });

  test('forgets what is gone', async () => {
    await Promise.all([add('low', 'a'), add('low', 'b')]);
    await take('low', 'b', 1);
    await mirror.look(5);
    await queues.remove('low', 'a');
    await redis.del('bull:quality_low:active', 'bull:quality_low:b');
    await mirror.look(5);
    expect([waiting(), running()]).toEqual([[], []]);
  });

  test('overlooks jobs that are none of ours', async () => {
    await add('low', 'a');
    for (const [taskId, data] of [['x', '{}'], ['y', 'not JSON'], ['z', 'null']] as const) await redis.multi().hset(`bull:quality_low:${taskId}`, 'data', data).lpush('bull:quality_low:wait', taskId).exec();
    await mirror.look(5);
    expect(waiting()).toEqual(['a']);
  });

  test('reads more jobs than fit into one question', async () => {
    await Promise.all(Array.from({ length: 450 }, (_unused, index) => add('high', `t${index}`)));
    await mirror.look(5);
    expect(mirror.line.size).toBe(450);
  });
});
