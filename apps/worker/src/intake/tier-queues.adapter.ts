/**
 * The four tier queues as the worker sees them: the one file of the worker that speaks BullMQ.
 *
 * Owns a BullMQ worker a queue, without a processor: jobs are not handed out by BullMQ, which knows the head of a queue
 * only, but taken by their id (lua/take-jobs.lua.ts). So the renewal of locks is ours, and the look for jobs whose
 * worker died is told to start. Must stay true: a job is in the hands of one worker, which holds its lock; when a lock is
 * lost (Redis frozen, this loop blocked) `onLost` hears of it, since another worker may have the task by now. Retries and
 * poison tasks are the run's business, so jobs of dead workers are always given again.
 */
import { Job, Worker } from 'bullmq';
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import type { QueueSight, SeenJob, VisibleQueues } from '@function-runner/scheduling';
import { JOB_NAME, queueName, type JobPayload } from '@function-runner/task-contract';
import { QueueReader, Script } from '@function-runner/task-store';
import type { Redis } from 'ioredis';
import { v4 as uuid } from 'uuid';
import { END_JOB_LUA } from './lua/end-job.lua.js';
import { TAKE_JOBS_LUA } from './lua/take-jobs.lua.js';

/** A lock outlives a pause of its worker this long; a dead worker's task is noticed about this late. */
const LOCK_DURATION_MS = 10_000;

/** Half of it: one renewal may fail. */
const LOCK_RENEWAL_MS = 5000;

/** How often every worker looks for lost jobs; the same everywhere, since the dead one's setting must not count. */
const STALLED_INTERVAL_MS = 5000;

/** Jobs of one queue that are looked at; of more, the oldest. What lies beyond waits for those anyway. */
const LOOK_AT_MOST = 2000;

/** Of these the data are read at once when they are new. */
const READ_AT_ONCE = 200;

/** BullMQ's own events are read by nobody here; whoever looks with its tools finds the last ones. */
const EVENTS_KEPT = 1000;

/** What became of a job that was asked for. */
export type Taken = { kind: 'taken'; payload: JobPayload } | { kind: 'gone' } | { kind: 'tier-full' };

export interface TierQueuesOptions {
  prefix: string;
  /** `max_concurrent` of each tier; written into its queue, where it holds cluster-wide. */
  limits: Readonly<Record<QualityTier, number>>;
  /** A job's lock was lost: whatever runs of it must stop. */
  onLost: (taskId: string) => void;
  /** Jobs of dead workers wait again. */
  onStalled: () => void;
  /** A job is not as the door writes them: nobody takes it. */
  onUnreadable: (taskId: string, error: unknown) => void;
  onError: (error: Error) => void;
}

/** BullMQ's words for a job that is gone (-1), has no lock (-2), or another's (-6): whoever has it carries on. */
const NOT_OURS: ReadonlySet<unknown> = new Set([-1, -2, -6]);

function isNotOurs(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && NOT_OURS.has(error.code);
}

const TAKE_JOBS = new Script('functionRunnerTakeJobs', TAKE_JOBS_LUA, 5);
const END_JOB = new Script('functionRunnerEndJob', END_JOB_LUA, 5);

export class TierQueues implements VisibleQueues {
  private readonly queues: ReadonlyMap<QualityTier, Worker<JobPayload>>;
  private readonly token = uuid();
  /** Jobs whose locks are ours. */
  private readonly held = new Map<string, QualityTier>();
  private readonly reader: QueueReader;
  private renewal: NodeJS.Timeout | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly options: TierQueuesOptions,
  ) {
    for (const script of [TAKE_JOBS, END_JOB]) script.teach(redis);
    this.reader = new QueueReader(redis, {
      keyOf: (tier, what) => this.key(tier, what), mostJobs: LOOK_AT_MOST, readAtOnce: READ_AT_ONCE, onUnreadable: (_tier, taskId, error) => options.onUnreadable(taskId, error),
    });
    this.queues = new Map(
      QUALITY_TIERS.map((tier) => {
        const queue = new Worker<JobPayload>(queueName(tier), null, {
          connection: redis, prefix: options.prefix, autorun: false, lockDuration: LOCK_DURATION_MS, stalledInterval: STALLED_INTERVAL_MS, maxStalledCount: Number.MAX_SAFE_INTEGER,
        });
        queue.on('error', options.onError);
        queue.on('stalled', options.onStalled);
        return [tier, queue];
      }),
    );
  }

  /** Begins to renew locks and to look for jobs of dead workers. Each tier's limit is written where BullMQ and we read it. */
  async open(): Promise<void> {
    await Promise.all(
      [...this.queues].map(async ([tier, queue]) => {
        await queue.waitUntilReady();
        await this.redis.hset(queue.toKey('meta'), 'concurrency', this.options.limits[tier]);
        await queue.startStalledCheckTimer();
      }),
    );
    clearInterval(this.renewal);
    this.renewal = setInterval(() => void this.renew(), LOCK_RENEWAL_MS);
  }

  look(): Promise<QueueSight[]> {
    return this.reader.look();
  }

  describe(tier: QualityTier, taskIds: readonly string[]): Promise<SeenJob[]> {
    return this.reader.describe(tier, taskIds);
  }

  /** Takes jobs of one tier, the most urgent first; answers in their order. One round trip. */
  async take(tier: QualityTier, taskIds: readonly string[]): Promise<Taken[]> {
    const keys = ['wait', 'prioritized', 'active', 'meta', 'events'].map((name) => this.queue(tier).toKey(name));
    // Before the answer: a lock that was set while the answer is lost is ours to renew, or to let run out.
    const answers = (await TAKE_JOBS.run(this.redis, keys, [this.key(tier, ''), Date.now(), this.token, LOCK_DURATION_MS, ...taskIds])) as (string | number)[];
    return taskIds.map((taskId, index) => {
      const answer = answers[index];
      if (typeof answer !== 'string') return { kind: answer === 2 ? 'tier-full' : 'gone' };
      this.held.set(taskId, tier);
      return { kind: 'taken', payload: JSON.parse(answer) as JobPayload };
    });
  }

  /** The task has ended: its job goes. Nothing happens where another worker has it by now. Sent at once, before anything awaited. */
  async complete(tier: QualityTier, taskId: string): Promise<void> {
    const queue = this.queue(tier);
    const keys = [queue.toKey('active'), queue.toKey('stalled'), queue.toKey('events'), queue.toKey(taskId), `${queue.toKey(taskId)}:lock`];
    try {
      const ended = await END_JOB.run(this.redis, keys, [taskId, this.token, EVENTS_KEPT]);
      if (ended === 0) this.options.onError(new Error(`the job of the task ${taskId} is another worker’s by now`));
    } finally {
      this.held.delete(taskId);
    }
  }

  /** The task goes back to the front of its queue, with other data where given. */
  async putBack(tier: QualityTier, taskId: string, payload?: JobPayload): Promise<void> {
    // Its data stay where they are.
    const job = new Job<unknown>(this.queue(tier), JOB_NAME, undefined, {}, taskId);
    try {
      // BullMQ changes the data of a job whoever holds it.
      if (payload !== undefined && (await this.redis.get(`${this.key(tier, taskId)}:lock`)) === this.token) await job.updateData(payload);
      await job.moveToWait(this.token);
    } catch (error) {
      if (!isNotOurs(error)) throw error;
      this.options.onError(error);
    } finally {
      this.held.delete(taskId);
    }
  }

  /** Lets go of the queues; locks that are still held run out. */
  async close(): Promise<void> {
    clearInterval(this.renewal);
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }

  private async renew(): Promise<void> {
    await Promise.all(
      [...this.queues].map(async ([tier, queue]) => {
        const taskIds = [...this.held].filter(([, of]) => of === tier).map(([taskId]) => taskId);
        if (taskIds.length === 0) return;
        try {
          const lost = await queue.extendJobLocks(taskIds, taskIds.map(() => this.token), LOCK_DURATION_MS);
          for (const taskId of lost) {
            if (this.held.delete(taskId)) this.options.onLost(taskId);
          }
        } catch (error) {
          this.options.onError(error as Error);
        }
      }),
    );
  }

  private queue(tier: QualityTier): Worker<JobPayload> {
    const queue = this.queues.get(tier);
    if (queue === undefined) throw new RangeError(`there is no queue of the tier ${tier}`);
    return queue;
  }

  private key(tier: QualityTier, taskId: string): string {
    return this.queue(tier).toKey(taskId);
  }
}
