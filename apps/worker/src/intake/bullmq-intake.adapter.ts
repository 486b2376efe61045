/**
 * Takes tasks from the four tier queues: the one file of the worker that speaks BullMQ.
 *
 * Owns one BullMQ worker a queue. BullMQ gives a job to one worker at a time and renews its lock while it runs;
 * when a lock is lost all the same (Redis frozen, this loop blocked), the run is told to stop, since another worker
 * may have the task by now. Retries and poison tasks are the run's business, so stalled jobs are always given again.
 */
import { Inject, Injectable } from '@nestjs/common';
import { Queue, WaitingError, Worker, type Job } from 'bullmq';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { queueName, type JobPayload } from '@function-runner/task-contract';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { RedisConnections } from '../progress/redis-connections.js';
import { LiveRuns } from '../run/live-runs.js';
import { RunTask } from '../run/run-task.js';

/** A lock outlives a pause of its worker this long; a dead worker's task is noticed about this late. */
const LOCK_DURATION_MS = 10_000;

/** How often every worker looks for lost jobs; the same everywhere, since the dead one's setting must not count. */
const STALLED_INTERVAL_MS = 5000;

@Injectable()
export class BullMqIntake {
  private workers: Worker<JobPayload>[] = [];

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    private readonly redis: RedisConnections,
    private readonly runTask: RunTask,
    private readonly live: LiveRuns,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Whether tasks are being taken. */
  get running(): boolean {
    return this.workers.length > 0 && this.workers.every((worker) => worker.isRunning() && !worker.isPaused());
  }

  /** Begins to take tasks. Each tier's `max_concurrent` is written into its queue, where BullMQ enforces it cluster-wide. */
  async start(): Promise<void> {
    const { queuePrefix: prefix, tiers, concurrency } = this.config;
    await Promise.all(
      QUALITY_TIERS.map(async (tier) => {
        const queue = new Queue(queueName(tier), { connection: this.redis.queue, prefix });
        queue.on('error', (error) => this.redis.complain(error));
        await queue.setGlobalConcurrency(tiers[tier].max_concurrent);
        await queue.close();
      }),
    );
    this.workers = QUALITY_TIERS.map((tier) => {
      const worker = new Worker<JobPayload>(queueName(tier), (job: Job<JobPayload>, token?: string) => this.process(job, token), {
        connection: this.redis.queue,
        prefix,
        concurrency: Math.min(concurrency, tiers[tier].max_concurrent),
        lockDuration: LOCK_DURATION_MS,
        stalledInterval: STALLED_INTERVAL_MS,
        maxStalledCount: Number.MAX_SAFE_INTEGER,
        runRetryDelay: 1000,
      });
      worker.on('lockRenewalFailed', (jobIds: string[]) => jobIds.forEach((taskId) => this.live.stop(taskId, { kind: 'superseded' })));
      worker.on('error', (error) => this.redis.complain(error));
      return worker;
    });
    await Promise.all(this.workers.map((worker) => worker.waitUntilReady()));
  }

  /** Takes no further task; what runs goes on. */
  async pause(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.pause(true)));
  }

  /** Waits for what still runs, then lets go of the queues. */
  async close(): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.close()));
  }

  private async process(job: Job<JobPayload>, token: string | undefined): Promise<void> {
    const taskId = job.id;
    if (taskId === undefined || token === undefined) throw new Error('BullMQ handed over a job without id or token');
    const end = await this.runTask.run({ taskId, payload: job.data });
    if (end === 'put-back') {
      await job.moveToWait(token);
      // Tells BullMQ that the job has been moved, and is neither completed nor failed.
      throw new WaitingError();
    }
  }
}
