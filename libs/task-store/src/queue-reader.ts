/**
 * Reads what waits in the tiers' queues and what runs, without touching any of it: the look of both apps.
 *
 * Knows the keys that the pinned version of BullMQ keeps jobs in: `wait` (a list, the oldest last: jobs without a priority
 * and those put back), `prioritized` (a sorted set: the others), `active` (a list), and a hash a job. How they are named
 * BullMQ says, through its adapters.
 */
import type { Redis } from 'ioredis';
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import { waitingTaskOf, type QueueSight, type SeenJob, type VisibleQueues, type WaitingTask } from '@function-runner/scheduling';
import { priorityOf, type JobPayload } from '@function-runner/task-contract';

/** As many as a tier may run at once, by the schema of the pipelines file. */
const MOST_RUNNING = 10_000;

export interface QueueReaderOptions {
  /** A key of a tier's queue: of a structure of it, or of the job of a task. */
  keyOf: (tier: QualityTier, what: string) => string;
  /** Waiting jobs of each kind of a queue that are looked at; of more, those that are taken first. */
  mostJobs: number;
  /** Jobs whose data are read in one go. */
  readAtOnce: number;
  /** A job is not as the door writes them. It is left out: it must not keep the others from being seen. */
  onUnreadable: (tier: QualityTier, taskId: string, error: unknown) => void;
}

export class QueueReader implements VisibleQueues {
  constructor(
    private readonly redis: Redis,
    private readonly options: QueueReaderOptions,
  ) {}

  /** What waits in every queue, the oldest first, and what runs. One round trip. */
  look(): Promise<QueueSight[]> {
    const { keyOf, mostJobs } = this.options;
    return Promise.all(
      QUALITY_TIERS.map(async (tier) => {
        const [plain, prioritized, running] = await Promise.all([
          this.redis.lrange(keyOf(tier, 'wait'), -mostJobs, -1), this.redis.zrange(keyOf(tier, 'prioritized'), 0, String(mostJobs - 1)), this.redis.lrange(keyOf(tier, 'active'), 0, MOST_RUNNING - 1),
        ]);
        return { tier, waiting: [...plain.reverse(), ...prioritized], running };
      }),
    );
  }

  /** What scheduling needs to know of jobs; those that are gone by now, or cannot be read, are left out. */
  async describe(tier: QualityTier, taskIds: readonly string[]): Promise<SeenJob[]> {
    const { keyOf, readAtOnce } = this.options;
    const found: SeenJob[] = [];
    for (let start = 0; start < taskIds.length; start += readAtOnce) {
      const batch = taskIds.slice(start, start + readAtOnce);
      const jobs = await Promise.all(batch.map((taskId) => this.redis.hmget(keyOf(tier, taskId), 'data', 'priority', 'processedOn')));
      for (const [index, [data, priority, processedOn]] of jobs.entries()) {
        const taskId = batch[index];
        if (taskId === undefined || typeof data !== 'string') continue;
        const task = this.taskOf(taskId, tier, data, priority);
        if (task !== undefined) found.push({ task, startedAt: typeof processedOn === 'string' ? Number(processedOn) : undefined });
      }
    }
    return found;
  }

  private taskOf(taskId: string, tier: QualityTier, data: string, priority: string | null | undefined): WaitingTask | undefined {
    try {
      return waitingTaskOf(taskId, tier, JSON.parse(data) as JobPayload, priorityOf(Number(priority ?? 0)));
    } catch (error) {
      this.options.onUnreadable(tier, taskId, error);
      return undefined;
    }
  }
}
