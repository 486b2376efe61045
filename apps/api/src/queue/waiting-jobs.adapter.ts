/** What waits in the tiers' queues and what runs, as the api looks at it: without touching any of it. */
import { Logger } from '@nestjs/common';
import { QueueKeys } from 'bullmq';
import type { Redis } from 'ioredis';
import type { QualityTier } from '@function-runner/pipeline-schema';
import type { QueueSight, SeenJob, VisibleQueues } from '@function-runner/scheduling';
import { queueName } from '@function-runner/task-contract';
import { QueueReader } from '@function-runner/task-store';

/** Jobs of one kind of a queue that are looked at; of more, those that are taken first. As many as a queue may hold unless its operator wants more. */
const MOST_JOBS = 10_000;

/** Jobs whose data are read in one go: mostly a hundred kilobytes, and fifty megabytes where all are as large as the door lets in. */
const READ_AT_ONCE = 50;

export class WaitingJobs implements VisibleQueues {
  private readonly logger = new Logger('Queues');
  private readonly keys: QueueKeys;
  private readonly reader: QueueReader;

  constructor(
    private readonly redis: Redis,
    prefix: string,
  ) {
    this.keys = new QueueKeys(prefix);
    this.reader = new QueueReader(redis, {
      keyOf: (tier, what) => this.key(tier, what), mostJobs: MOST_JOBS, readAtOnce: READ_AT_ONCE,
      onUnreadable: (tier, taskId, error) => this.logger.debug(`the job ${taskId} in ${queueName(tier)} cannot be read: ${String(error)}`),
    });
  }

  look(): Promise<QueueSight[]> {
    return this.reader.look();
  }

  describe(tier: QualityTier, taskIds: readonly string[]): Promise<SeenJob[]> {
    return this.reader.describe(tier, taskIds);
  }

  /** Whether there is a job of the task, be it waiting or running. */
  async has(tier: QualityTier, taskId: string): Promise<boolean> {
    return (await this.redis.exists(this.key(tier, taskId))) === 1;
  }

  private key(tier: QualityTier, what: string): string {
    return this.keys.toKey(queueName(tier), what);
  }
}
