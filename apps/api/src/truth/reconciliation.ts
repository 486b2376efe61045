/**
 * One process's time as the one who compares: looks at records, jobs and the list of open tasks, and repairs what does not
 * agree.
 *
 * Owns what looked wrong in the last looks, and how far it has come through the open tasks and the jobs: a round looks at a
 * bounded number of each, the next one goes on from there. Must stay true: what is repaired looked wrong in consecutive looks
 * at a Redis that answered, and still does in a last one, so that a moment between two writes is never taken for a fault;
 * every repair is fenced where it writes (by the attempt, the state or the lock), so that a task which moves on meanwhile is
 * not set back.
 */
import { Logger } from '@nestjs/common';
import type { QualityTier } from '@function-runner/pipeline-schema';
import type { QueueSight, VisibleQueues } from '@function-runner/scheduling';
import type { OpenTasks, TaskEnd, TaskRecord, TaskStore } from '@function-runner/task-store';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import type { TaskQueues } from '../queue/task-queues.adapter.js';
import { judgeTask, type Disagreement, type JobPlace } from './judge-task.js';

/** Open tasks, and jobs, that a round looks at beside those that looked wrong: some ten milliseconds of Redis's time. */
const MOST_LOOKED_AT = 300;

/** Repairs of one round: a mass of them is made over many rounds, so that no request waits for it. */
const MOST_REPAIRS = 100;

/** Beyond this a round begins no further repair, milliseconds: the lease must not run out meanwhile, nor a process that ends wait long for its last round. */
const REPAIRING_MS = 2000;

/** Suspects that are kept from one look to the next; the others are found again. So many and what is new are read in each round. */
const MOST_SUSPECTS = 1000;

/**
 * Consecutive looks that must agree. A lost attempt is left alone for longer: its worker may come back on its host and take up
 * its container, which goes on all the while, and any worker that takes the job ends the disagreement by itself.
 */
const LOOKS: Readonly<Record<Disagreement, number>> = {
  'task-without-job': 2, 'job-without-task': 2, 'job-of-ended-task': 2, 'lost-attempt': 8, 'unheard-cancel': 2, 'slow-cancel': 2, 'stale-entry': 2, 'missing-entry': 2,
};

const LOST: TaskEnd = { state: 'failed', error: 'the task’s job was lost and cannot be made again; start the task again', code: 'INTERNAL', retryable: true, logTail: [] };

/** What a reconciliation speaks to. */
export interface ReconciliationParts {
  store: Pick<TaskStore, 'read' | 'keptJob' | 'release' | 'finish' | 'cancel'>;
  open: OpenTasks;
  jobs: Pick<VisibleQueues, 'look'>;
  queues: Pick<TaskQueues, 'add' | 'remove' | 'placeOf'>;
  metrics: Pick<ApiMetrics, 'repairs'>;
}

/** A task that looked wrong: what of, in which attempt, and in how many looks so far. */
interface Suspect {
  wrong: Disagreement;
  attempt: number;
  looks: number;
}

/** What a look has seen of a task. */
interface Seen {
  taskId: string;
  record: TaskRecord | undefined;
  /** The queue of its job, which a record names too. */
  tier: QualityTier | undefined;
  job: JobPlace;
  open: boolean;
}

export class Reconciliation {
  private readonly logger = new Logger('Truth');
  private suspects = new Map<string, Suspect>();
  private openFrom = 0;
  private jobsFrom = 0;

  constructor(
    private readonly parts: ReconciliationParts,
    private readonly looks: Readonly<Record<Disagreement, number>> = LOOKS,
    private readonly repairingMs = REPAIRING_MS,
  ) {}

  /** A look, and the repairs that are due. @throws what Redis answers; what looked wrong so far must then be seen anew */
  async round(): Promise<void> {
    const before = this.suspects;
    this.suspects = new Map();
    const sights = await this.look([...before.keys()]);
    const until = performance.now() + this.repairingMs;
    let [tries, repairs] = [0, 0];
    // One at least, however slow Redis is.
    const mayRepair = (): boolean => tries === 0 || (repairs < MOST_REPAIRS && performance.now() < until);
    for (const seen of sights) {
      const wrong = judgeTask(seen);
      if (wrong === undefined) continue;
      const suspect = suspectOf(seen, wrong, before.get(seen.taskId));
      if (suspect.looks >= this.looks[wrong] && mayRepair()) {
        tries += 1;
        repairs += await this.repair(seen.taskId, seen.tier, suspect);
      } else if (this.suspects.size < MOST_SUSPECTS) this.suspects.set(seen.taskId, suspect);
    }
  }

  /** Nothing of it outlives the term. */
  close(): void {
    this.suspects.clear();
  }

  private async look(suspects: readonly string[]): Promise<Seen[]> {
    const [page, queues] = await Promise.all([this.parts.open.page(this.openFrom, MOST_LOOKED_AT), this.parts.jobs.look()]);
    this.openFrom = page.length < MOST_LOOKED_AT ? 0 : this.openFrom + page.length;
    const places = placesOf(queues);
    const jobs = [...places.keys()];
    const someJobs = jobs.slice(this.jobsFrom, this.jobsFrom + MOST_LOOKED_AT);
    this.jobsFrom = this.jobsFrom + someJobs.length >= jobs.length ? 0 : this.jobsFrom + someJobs.length;
    const taskIds = [...new Set([...suspects, ...page, ...someJobs])];
    const [open, records] = await Promise.all([this.parts.open.among(taskIds), Promise.all(taskIds.map((taskId) => this.parts.store.read(taskId)))]);
    return taskIds.map((taskId, index) => {
      const record = records[index];
      const place = places.get(taskId);
      return { taskId, record, tier: place?.tier ?? record?.quality, job: place?.job ?? 'none', open: open.has(taskId) };
    });
  }

  /** Repairs a task, unless a last look at it alone sees it otherwise. 1 where it was repaired. */
  private async repair(taskId: string, tier: QualityTier | undefined, { wrong, attempt }: Suspect): Promise<number> {
    const [record, job, open] = await Promise.all([
      this.parts.store.read(taskId), tier === undefined ? ('none' as const) : this.parts.queues.placeOf(tier, taskId), this.parts.open.among([taskId]),
    ]);
    if (judgeTask({ record, job, open: open.has(taskId) }) !== wrong || (record?.attempt ?? 0) !== attempt) return 0;
    if (!(await this.mend(wrong, { taskId, record, tier }))) return 0;
    this.parts.metrics.repairs.inc({ kind: wrong });
    this.logger.warn(`repaired ${wrong}: task ${taskId}, ${record === undefined ? 'no record' : `${record.state}, attempt ${attempt}`}, job ${job}`);
    return 1;
  }

  /** Whether there was something to mend. */
  private async mend(wrong: Disagreement, { taskId, record, tier }: Pick<Seen, 'taskId' | 'record' | 'tier'>): Promise<boolean> {
    const { store, queues, open } = this.parts;
    if (wrong === 'stale-entry') await open.leave([taskId]);
    else if (wrong === 'missing-entry') await open.enter(taskId, record === undefined ? new Date() : new Date(record.submittedAt));
    else if (wrong === 'job-without-task' || wrong === 'job-of-ended-task') return tier !== undefined && (await queues.remove(tier, taskId));
    else if (record === undefined) return false;
    else if (wrong === 'task-without-job') return this.makeJobAgain(record);
    else if (wrong === 'lost-attempt') return (await store.release(record, record.attempt, 'waits again, since its worker was lost', { losses: 1 })).kind === 'released';
    else if (wrong === 'unheard-cancel') return this.carryOutCancel(record);
    else {
      // Its worker may have missed the order; one that is at it already is not disturbed, and nothing was wrong.
      await store.cancel(record, 'cancelled');
      return false;
    }
    return true;
  }

  /**
   * The job of a task that lost it. First it is said to wait, or the next attempt would count a loss where its worker lives; and the
   * claims on the old job are forgotten, or a worker that had that one would be told that it has begun this one already.
   */
  private async makeJobAgain(record: TaskRecord): Promise<boolean> {
    const { store, queues } = this.parts;
    const kept = await store.keptJob(record.taskId);
    if (kept === undefined) return (await store.finish(record, record.state === 'queued' ? 'none' : record.attempt, LOST)).kind === 'ended';
    const released = await store.release(record, record.attempt, 'waits again, since its job was lost', { newJob: true });
    // Refused where it waits already and was never taken; where it has moved on meanwhile it needs no job of ours.
    if (released.kind !== 'released' && !(released.kind === 'refused' && released.state === 'queued')) return false;
    // What is left of the old one would make the new one a duplicate; a job that somebody holds stays.
    await queues.remove(record.quality, record.taskId);
    await queues.add(record.quality, record.taskId, kept.payload, kept.priority);
    return true;
  }

  private async carryOutCancel(record: TaskRecord): Promise<boolean> {
    const { kind } = await this.parts.store.finish(record, record.attempt, { state: 'cancelled', reason: 'cancelled while its worker was lost' });
    await this.parts.queues.remove(record.quality, record.taskId);
    return kind === 'ended';
  }
}

function suspectOf({ record }: Seen, wrong: Disagreement, before: Suspect | undefined): Suspect {
  const attempt = record?.attempt ?? 0;
  return { wrong, attempt, looks: before?.wrong === wrong && before.attempt === attempt ? before.looks + 1 : 1 };
}

function placesOf(queues: readonly QueueSight[]): ReadonlyMap<string, { tier: QualityTier; job: JobPlace }> {
  const places = new Map<string, { tier: QualityTier; job: JobPlace }>();
  for (const { tier, waiting, running } of queues) {
    for (const taskId of waiting) places.set(taskId, { tier, job: 'waiting' });
    for (const taskId of running) places.set(taskId, { tier, job: 'active' });
  }
  return places;
}
