/**
 * The producing side of BullMQ. (`waiting-jobs.adapter.ts` reads what waits.)
 *
 * Owns a queue per tier, keys `{prefix}:quality_{tier}:*`. All share the request connection, so that adding a job
 * travels with the writes of its task. What must stay true: a job's id is its task's, so that adding it twice is a
 * no-op; a job keeps no history (the task's record is it); retries are for errors of the infrastructure alone, since
 * a worker reports the failure of a run in the task and lets its job succeed.
 */
import { Logger } from '@nestjs/common';
import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { QUALITY_TIERS, type QualityTier, type Tiers } from '@function-runner/pipeline-schema';
import { schedulerChannel } from '@function-runner/progress-protocol';
import { waitingTaskOf, type SchedulerMessage, type WaitingTask } from '@function-runner/scheduling';
import { BULLMQ_PRIORITY, JOB_NAME, queueName, type JobPayload, type TaskPriority } from '@function-runner/task-contract';
import { DepthGauge } from './depth-gauge.js';
import type { QueueDepth } from './queue-depth.js';

/** Pause before a queue that could not be opened is made anew, milliseconds. */
const REOPEN_MS = 500;

export interface TaskQueuesOptions {
  prefix: string;
  tiers: Tiers;
}

export class TaskQueues {
  private readonly logger = new Logger('Queues');
  private readonly depths = new DepthGauge((tier) => this.readDepth(tier));
  private readonly queues: Record<QualityTier, Queue<JobPayload>>;
  private closed = false;

  constructor(private readonly redis: Redis, private readonly options: TaskQueuesOptions) {
    this.queues = Object.fromEntries(QUALITY_TIERS.map((tier) => [tier, this.open(tier)])) as unknown as Record<QualityTier, Queue<JobPayload>>;
    // Each time Redis comes (back), perhaps as a fresh one.
    redis.on('ready', this.limit);
  }

  /**
   * Makes a tier's queue. BullMQ asks Redis for its version first, once: a queue whose question is not answered in time (a
   * Redis that is slow for a moment) would refuse everything from then on, so another one takes its place.
   */
  private open(tier: QualityTier): Queue<JobPayload> {
    const queue = new Queue<JobPayload>(queueName(tier), {
      connection: this.redis,
      prefix: this.options.prefix,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 3, backoff: { type: 'fixed', delay: 1000 } },
      // Nobody reads BullMQ's own event stream for history; a short one costs less memory.
      streams: { events: { maxLen: 1000 } },
    });
    // The connection reports its own errors; without a listener Node would end the process.
    queue.on('error', (error) => this.logger.debug(`${queue.name}: ${error.message}`));
    queue.waitUntilReady().then(() => this.limitTier(tier), (error: unknown) => {
      if (this.closed) return;
      this.logger.warn(`the queue ${queue.name} could not be opened: ${(error as Error).message}; trying again`);
      queue.close().catch((failure: unknown) => this.logger.debug(`${queue.name}: ${String(failure)}`));
      setTimeout(() => {
        if (!this.closed) this.queues[tier] = this.open(tier);
      }, REOPEN_MS).unref();
    });
    return queue;
  }

  /** Resolves once Redis has been reached and BullMQ's scripts are known to the connection. */
  async whenReady(): Promise<void> {
    while (!this.closed) {
      const opened = await Promise.allSettled(Object.values(this.queues).map((queue) => queue.waitUntilReady()));
      if (opened.every(({ status }) => status === 'fulfilled')) return;
      await new Promise((resolve) => setTimeout(resolve, REOPEN_MS));
    }
  }

  /** Tasks that wait in a tier's queue, as of just now. At most one round trip. */
  depth(tier: QualityTier): Promise<QueueDepth> {
    return this.depths.depth(tier);
  }

  private async readDepth(tier: QualityTier): Promise<QueueDepth> {
    const { high, normal, low } = BULLMQ_PRIORITY;
    const counts = await this.queues[tier].getCountsPerPriority([high, normal, low]);
    return { high: counts[high] ?? 0, normal: counts[normal] ?? 0, low: counts[low] ?? 0 };
  }

  /** Adds a task's job, and says so to whoever could run it; a no-op where it is there already. */
  async add(tier: QualityTier, taskId: string, payload: JobPayload, priority: TaskPriority): Promise<void> {
    const number = BULLMQ_PRIORITY[priority];
    const added = this.queues[tier].add(JOB_NAME, payload, { jobId: taskId, ...(number === 0 ? {} : { priority: number }) });
    // Once BullMQ has sent the job, which it does without waiting for anything while Redis is there: right behind it.
    process.nextTick(() => this.announce(waitingTaskOf(taskId, tier, payload, priority)));
    await added;
    this.depths.count(tier, priority);
  }

  /** Removes a waiting task's job. `false` where a worker holds it, which then finds its task ended, or where it is gone. */
  async remove(tier: QualityTier, taskId: string): Promise<boolean> {
    return (await this.queues[tier].remove(taskId)) === 1;
  }

  /** Where a task's job is now, however long its queue. */
  async placeOf(tier: QualityTier, taskId: string): Promise<'waiting' | 'active' | 'none'> {
    const state = await this.queues[tier].getJobState(taskId);
    if (state === 'active') return 'active';
    return state === 'waiting' || state === 'prioritized' || state === 'delayed' ? 'waiting' : 'none';
  }

  /** Says that a task waits. Nobody waits for it, and whoever hears it before the job is there finds the job by looking. */
  private announce(task: WaitingTask): void {
    const message: SchedulerMessage = { kind: 'waiting', task };
    this.redis.publish(schedulerChannel, JSON.stringify(message)).catch((error: unknown) => {
      this.logger.debug(`nobody was told of the task ${task.taskId}: ${String(error)}`);
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    this.redis.off('ready', this.limit);
    await Promise.all(Object.values(this.queues).map((queue) => queue.close()));
  }

  private readonly limit = (): void => {
    for (const tier of QUALITY_TIERS) this.limitTier(tier);
  };

  /** Writes the tier's `max_concurrent` where every worker of the cluster heeds it. */
  private limitTier(tier: QualityTier): void {
    this.queues[tier].setGlobalConcurrency(this.options.tiers[tier].max_concurrent).catch((error: unknown) => {
      this.logger.warn(`the limit of ${queueName(tier)} could not be written: ${(error as Error).message}; trying again when Redis is back`);
    });
  }
}
