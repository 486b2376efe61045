/**
 * The four tier queues as the worker sees them: the one file of the worker that speaks BullMQ.
 *
 * Owns a BullMQ queue a tier, and no BullMQ worker: jobs are not handed out by BullMQ, which knows the head of a queue only,
 * but taken by their id (lua/take-jobs.lua.ts). So the renewal of locks is ours, and so is the return of jobs whose worker
 * died (lost-jobs.ts): BullMQ's own look for them takes up to two of its intervals. Nor has it a connection of its own,
 * whose silent death nobody would find before it is to be closed. Must stay true: a job is in the
 * hands of one worker, which holds its lock; when a lock is lost (taken away, or run out while this loop was blocked or
 * Redis away, and the job taken or put back by others meanwhile) `onLost` hears of it. How often a job has been started,
 * which BullMQ counts, tells one taking of it from the next. Retries and poison tasks are the run's business, so jobs of
 * dead workers are always given again.
 */
import { Job, Queue } from 'bullmq';
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import type { QueueSight, SeenJob, VisibleQueues } from '@function-runner/scheduling';
import { JOB_NAME, queueName, type JobPayload } from '@function-runner/task-contract';
import { QueueReader, Script } from '@function-runner/task-store';
import type { Redis } from 'ioredis';
import { v4 as uuid } from 'uuid';
import { END_JOB_LUA } from './lua/end-job.lua.js';
import { FIND_UNLOCKED_LUA } from './lua/find-unlocked.lua.js';
import { RENEW_LOCKS_LUA } from './lua/renew-locks.lua.js';
import { RETURN_JOBS_LUA } from './lua/return-jobs.lua.js';
import { TAKE_JOBS_LUA } from './lua/take-jobs.lua.js';

/** A lock outlives a pause of its worker this long; a dead worker's task is noticed about this late. */
const LOCK_DURATION_MS = 5000;

/** A quarter of it: three renewals may fail, and a lock that was taken away is noticed well within 5 s. */
const LOCK_RENEWAL_MS = LOCK_DURATION_MS / 4;

/** A lock renewed as recently as this has not run out, even where a Redis that crashed forgot the last second. */
const LOCK_SURE_MS = LOCK_DURATION_MS / 2;

/** Jobs in hands that are looked at in a search for lost ones: as many as all tiers together may run. */
const MOST_ACTIVE = 10_000;

/** Jobs of one queue that are looked at; of more, the oldest. What lies beyond waits for those anyway. */
const LOOK_AT_MOST = 2000;

/** Of these the data are read at once when they are new. */
const READ_AT_ONCE = 200;

/** BullMQ's own events are read by nobody here; whoever looks with its tools finds the last ones. */
const EVENTS_KEPT = 1000;

/** What became of a job that was asked for; `claim` names this taking of it, and no other. */
export type Taken = { kind: 'taken'; payload: JobPayload; claim: string; starts: number } | { kind: 'gone' } | { kind: 'tier-full' };

/** A job in nobody's hands that is not where the waiting ones are. */
export interface UnlockedJob {
  tier: QualityTier;
  taskId: string;
  /** How often it has been started, as BullMQ counts; empty where it has lost its data. */
  starts: string;
}

export interface TierQueuesOptions {
  prefix: string;
  /** `max_concurrent` of each tier; written into its queue, where it holds cluster-wide. */
  limits: Readonly<Record<QualityTier, number>>;
  /** A job's lock was lost: whatever runs of it must stop. */
  onLost: (taskId: string) => void;
  /** A job of ours turned out to be another's when it was to be completed or put back: whoever has it carries on. */
  onNotOurs: (taskId: string) => void;
  /** A job is not as the door writes them: nobody takes it. */
  onUnreadable: (taskId: string, error: unknown) => void;
  onError: (error: Error) => void;
}

/** BullMQ's words for a job that is gone (-1), has no lock (-2), or another's (-6): whoever has it carries on. */
const NOT_OURS: ReadonlySet<unknown> = new Set([-1, -2, -6]);

function isNotOurs(error: unknown): boolean {
  return error instanceof Error && 'code' in error && NOT_OURS.has(error.code);
}

const TAKE_JOBS = new Script('functionRunnerTakeJobs', TAKE_JOBS_LUA, 5);
const END_JOB = new Script('functionRunnerEndJob', END_JOB_LUA, 5);
const RENEW_LOCKS = new Script('functionRunnerRenewLocks', RENEW_LOCKS_LUA, 1);
const FIND_UNLOCKED = new Script('functionRunnerFindUnlocked', FIND_UNLOCKED_LUA, 1);
const RETURN_JOBS = new Script('functionRunnerReturnJobs', RETURN_JOBS_LUA, 3);

/** A job whose lock is ours. */
interface HeldJob {
  tier: QualityTier;
  /** How often it had been started when we took it, as BullMQ counts. */
  starts: string;
  /** When the last renewal that was answered was sent, milliseconds of the monotonic clock. */
  renewedAt: number;
}

export class TierQueues implements VisibleQueues {
  private readonly queues: ReadonlyMap<QualityTier, Queue<JobPayload>>;
  private readonly token = uuid();
  private readonly held = new Map<string, HeldJob>();
  private readonly reader: QueueReader;
  private timer: NodeJS.Timeout | undefined;
  private renewal: Promise<void> | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly options: TierQueuesOptions,
  ) {
    for (const script of [TAKE_JOBS, END_JOB, RENEW_LOCKS, FIND_UNLOCKED, RETURN_JOBS]) script.teach(redis);
    this.reader = new QueueReader(redis, {
      keyOf: (tier, what) => this.key(tier, what), mostJobs: LOOK_AT_MOST, readAtOnce: READ_AT_ONCE, onUnreadable: (_tier, taskId, error) => options.onUnreadable(taskId, error),
    });
    this.queues = new Map(
      QUALITY_TIERS.map((tier) => {
        // Its settings are the api's to write, but for the tier's limit; a version that is asked for at a bad moment is refused for ever.
        const queue = new Queue<JobPayload>(queueName(tier), { connection: redis, prefix: options.prefix, skipMetasUpdate: true, skipVersionCheck: true });
        queue.on('error', options.onError);
        return [tier, queue];
      }),
    );
  }

  /** Begins to renew locks. Each tier's limit is written where BullMQ and we read it. */
  async open(): Promise<void> {
    await Promise.all(
      [...this.queues].map(async ([tier, queue]) => {
        await queue.waitUntilReady();
        await this.redis.hset(queue.toKey('meta'), 'concurrency', this.options.limits[tier]);
      }),
    );
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      // One at a time: behind a Redis that is away they would only queue.
      this.renewal ??= this.renewAll().finally(() => (this.renewal = undefined));
    }, LOCK_RENEWAL_MS);
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
    const sentAt = performance.now();
    // Where the answer is lost for good, so is what was taken: its locks run out, and it is found as lost.
    const answers = (await TAKE_JOBS.run(this.redis, keys, [this.key(tier, ''), Date.now(), this.token, LOCK_DURATION_MS, ...taskIds])) as ([string, string] | number)[];
    return taskIds.map((taskId, index): Taken => {
      const answer = answers[index];
      // What we have in hand already is not given to us twice.
      if (!Array.isArray(answer) || this.held.has(taskId)) return { kind: answer === 2 ? 'tier-full' : 'gone' };
      const [data, starts] = answer;
      this.held.set(taskId, { tier, starts, renewedAt: sentAt });
      return { kind: 'taken', payload: JSON.parse(data) as JobPayload, claim: `${this.token}:${starts}`, starts: Number(starts) };
    });
  }

  /** Whether a job that we took is ours still: asks Redis, and says so to `onLost` where it is not. */
  async confirm(taskId: string): Promise<boolean> {
    const job = this.held.get(taskId);
    if (job !== undefined) await this.renew(job.tier, [taskId]);
    return this.held.has(taskId);
  }

  /** Jobs that somebody took and that nobody holds. One round trip. */
  async unlocked(): Promise<UnlockedJob[]> {
    const found = await Promise.all(QUALITY_TIERS.map(async (tier) => {
      const answer = (await FIND_UNLOCKED.run(this.redis, [this.key(tier, 'active')], [this.key(tier, ''), MOST_ACTIVE])) as string[];
      return answer.flatMap((taskId, index): UnlockedJob[] => (index % 2 === 0 ? [{ tier, taskId, starts: answer[index + 1] ?? '' }] : []));
    }));
    return found.flat();
  }

  /** Gives lost jobs back to their queues, those that nobody took up again meanwhile; returns which. */
  async giveAgain(jobs: readonly UnlockedJob[]): Promise<string[]> {
    const returned = await Promise.all(QUALITY_TIERS.map(async (tier) => {
      const ofTier = jobs.filter((job) => job.tier === tier);
      if (ofTier.length === 0) return [];
      const keys = ['active', 'wait', 'events'].map((name) => this.key(tier, name));
      return (await RETURN_JOBS.run(this.redis, keys, [this.key(tier, ''), EVENTS_KEPT, ...ofTier.flatMap(({ taskId, starts }) => [taskId, starts])])) as string[];
    }));
    return returned.flat();
  }

  /** The task has ended: its job goes. Nothing happens where another worker has it by now. Sent at once, before anything awaited. */
  async complete(tier: QualityTier, taskId: string): Promise<void> {
    const queue = this.queue(tier);
    const keys = [queue.toKey('active'), queue.toKey('stalled'), queue.toKey('events'), queue.toKey(taskId), `${queue.toKey(taskId)}:lock`];
    try {
      const ended = await END_JOB.run(this.redis, keys, [taskId, this.token, EVENTS_KEPT]);
      if (ended === 0) this.options.onNotOurs(taskId);
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
      this.options.onNotOurs(taskId);
    } finally {
      this.held.delete(taskId);
    }
  }

  /** Lets go of the queues; locks that are still held run out. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }

  private async renewAll(): Promise<void> {
    await Promise.all(QUALITY_TIERS.map(async (tier) => {
      const taskIds = [...this.held].filter(([, job]) => job.tier === tier).map(([taskId]) => taskId);
      await this.renew(tier, taskIds).catch((error: unknown) => this.options.onError(error as Error));
    }));
  }

  /** Renews the locks of jobs of one tier; what is lost is ours no more. */
  private async renew(tier: QualityTier, taskIds: readonly string[]): Promise<void> {
    const sentAt = performance.now();
    const jobs = taskIds.flatMap((taskId) => {
      const job = this.held.get(taskId);
      return job === undefined ? [] : [{ taskId, job }];
    });
    if (jobs.length === 0) return;
    const isSure = ({ renewedAt }: HeldJob, now: number): boolean => now - renewedAt < LOCK_SURE_MS;
    const answers = (await RENEW_LOCKS.run(this.redis, [this.key(tier, 'active')], [
      this.key(tier, ''), this.token, LOCK_DURATION_MS, ...jobs.flatMap(({ taskId, job }) => [taskId, job.starts, isSure(job, sentAt) ? 0 : 1]),
    ])) as number[];
    const answeredAt = performance.now();
    const askAgain: string[] = [];
    for (const [index, { taskId, job }] of jobs.entries()) {
      // Completed or put back while the question was under way, and perhaps taken again.
      if (this.held.get(taskId) !== job) continue;
      if (answers[index] === 1) {
        job.renewedAt = sentAt;
      } else if (isSure(job, sentAt) && !isSure(job, answeredAt)) {
        // It ran out while the question lay before a Redis that was frozen.
        askAgain.push(taskId);
      } else {
        this.held.delete(taskId);
        this.options.onLost(taskId);
      }
    }
    await this.renew(tier, askAgain);
  }

  private queue(tier: QualityTier): Queue<JobPayload> {
    const queue = this.queues.get(tier);
    if (queue === undefined) throw new RangeError(`there is no queue of the tier ${tier}`);
    return queue;
  }

  private key(tier: QualityTier, taskId: string): string {
    return this.queue(tier).toKey(taskId);
  }
}
