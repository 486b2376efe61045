/**
 * Reads what waits in the tiers' queues and what runs, without touching any of it.
 *
 * Knows the keys of BullMQ that the pinned version keeps jobs in: `wait` (a list, the oldest last: jobs without a priority
 * and those put back), `prioritized` (a sorted set: the others), `active` (a list), and a hash a job.
 */
import { Logger } from '@nestjs/common';
import { QueueKeys } from 'bullmq';
import type { Redis } from 'ioredis';
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import { waitingTaskOf, type QueueSight, type SeenJob, type VisibleQueues, type WaitingTask } from '@function-runner/scheduling';
import { priorityOf, queueName, type JobPayload } from '@function-runner/task-contract';

/** Jobs of one kind of a queue that are looked at; of more, those that are taken first. As many as a queue may hold unless its operator wants more. */
const MOST_JOBS = 10_000;

/** Jobs whose data are read in one go: mostly a hundred kilobytes, and fifty megabytes where all are as large as the door lets in. */
const READ_AT_ONCE = 50;

export class WaitingJobs implements VisibleQueues {
  private readonly logger = new Logger('Queues');
  private readonly keys: QueueKeys;

  constructor(
    private readonly redis: Redis,
    prefix: string,
  ) {
    this.keys = new QueueKeys(prefix);
  }

  /** All queues as they are now. One round trip. */
  look(): Promise<QueueSight[]> {
    return Promise.all(
      QUALITY_TIERS.map(async (tier) => {
        const [plain, prioritized, running] = await Promise.all([
          this.redis.lrange(this.key(tier, 'wait'), -MOST_JOBS, -1), this.redis.zrange(this.key(tier, 'prioritized'), 0, String(MOST_JOBS - 1)), this.redis.lrange(this.key(tier, 'active'), 0, MOST_JOBS - 1),
        ]);
        return { tier, waiting: [...plain, ...prioritized], running };
      }),
    );
  }

  /** What scheduling needs to know of jobs; those that are gone by now are left out. */
  async describe(tier: QualityTier, taskIds: readonly string[]): Promise<SeenJob[]> {
    const found: SeenJob[] = [];
    for (let start = 0; start < taskIds.length; start += READ_AT_ONCE) {
      const batch = taskIds.slice(start, start + READ_AT_ONCE);
      const jobs = await Promise.all(batch.map((taskId) => this.redis.hmget(this.key(tier, taskId), 'data', 'priority', 'processedOn')));
      for (const [index, [data, priority, processedOn]] of jobs.entries()) {
        const taskId = batch[index];
        if (taskId === undefined || typeof data !== 'string') continue;
        const task = this.taskOf(taskId, tier, data, priority);
        if (task !== undefined) found.push({ task, startedAt: typeof processedOn === 'string' ? Number(processedOn) : undefined });
      }
    }
    return found;
  }

  /** Whether there is a job of the task, be it waiting or running. */
  async has(tier: QualityTier, taskId: string): Promise<boolean> {
    return (await this.redis.exists(this.key(tier, taskId))) === 1;
  }

  /** Undefined for a job that is not as the door writes them: it must not keep the others from being seen. */
  private taskOf(taskId: string, tier: QualityTier, data: string, priority: string | null | undefined): WaitingTask | undefined {
    try {
      return waitingTaskOf(taskId, tier, JSON.parse(data) as JobPayload, priorityOf(Number(priority ?? 0)));
    } catch (error) {
      this.logger.debug(`the job ${taskId} in ${queueName(tier)} cannot be read: ${String(error)}`);
      return undefined;
    }
  }

  private key(tier: QualityTier, what: string): string {
    return this.keys.toKey(queueName(tier), what);
  }
}
