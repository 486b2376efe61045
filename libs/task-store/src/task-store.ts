/**
 * The durable side of a task: record, event log, idempotency, cancel mark.
 *
 * Owns the keys `task:{id}`, `task:{id}:events`, `task:{id}:job`, `project:{id}:tasks`, `project:{id}:request:*` and `batch:{id}`.
 * Both apps write through it and nothing else touches these keys. What must stay true: an event's seq is given
 * where the event is stored, in the step that publishes it; after a terminal event comes none; a write of an
 * attempt is refused once a newer one exists; a script that is sent twice, since its answer was lost, does nothing twice
 * and answers as it did; every key expires `retention` after its task's end at the latest.
 */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { isTaskState, type ErrorCode, type TaskState } from '@function-runner/task-contract';
import { decodeEvent, isPreview, keys, projectChannel, taskChannel, workerChannel, type ProgressReport, type TaskEvent, type TaskResult } from '@function-runner/progress-protocol';
import { AppendQueue, type ReportBundle } from './append-queue.js';
import { eventHead, eventTail } from './event-text.js';
import { APPEND_PROGRESS_LUA } from './lua/append-progress.lua.js';
import { APPEND_QUEUED_LUA } from './lua/append-queued.lua.js';
import { BEGIN_ATTEMPT_LUA } from './lua/begin-attempt.lua.js';
import { CANCEL_TASK_LUA } from './lua/cancel-task.lua.js';
import { CREATE_TASK_LUA } from './lua/create-task.lua.js';
import { FINISH_TASK_LUA } from './lua/finish-task.lua.js';
import { RELEASE_TASK_LUA } from './lua/release-task.lua.js';
import type { KeptJob } from './kept-job.js';
import { newTaskFields, parseRecord } from './record-fields.js';
import { OpenTasks } from './open-tasks.js';
import { Script } from './script.js';
import type { HeldTask, NewTask, TaskIdentity, TaskRecord } from './task-record.js';

const CREATE = new Script('functionRunnerCreateTask', CREATE_TASK_LUA, 3);
const BEGIN = new Script('functionRunnerBeginAttempt', BEGIN_ATTEMPT_LUA, 3);
const APPEND = new Script('functionRunnerAppendProgress', APPEND_PROGRESS_LUA, 2);
const TELL_QUEUED = new Script('functionRunnerAppendQueued', APPEND_QUEUED_LUA, 2);
const FINISH = new Script('functionRunnerFinishTask', FINISH_TASK_LUA, 3);
const CANCEL = new Script('functionRunnerCancelTask', CANCEL_TASK_LUA, 3);
const RELEASE = new Script('functionRunnerReleaseTask', RELEASE_TASK_LUA, 3);

/** How long a request id keeps naming its first task: 24 h, protocol §3. */
const REQUEST_TTL_MS = 86_400_000;

/** `queued` events that one task may have beyond its first: at the pace at which waiting tasks are told, those of days. */
const MOST_QUEUED_EVENTS = 200;

/** Claims of one task that are known again: a script comes again after a cut connection, not attempts later. */
const MOST_CLAIMS = 8;

/** A project's index keeps a task this long beyond its retention, so that one that waited for days is still listed. */
const INDEX_SLACK_MS = 7 * 86_400_000;

/** An index outlives its tasks by days: so often is often enough to sweep it. */
const INDEX_SWEEP_MS = 60_000;

/** Beyond these many projects all are swept anew, which costs a command each. */
const MOST_SWEPT = 10_000;

export type BeginOutcome = { kind: 'started'; attempt: number } | { kind: 'ended'; state: TaskState } | { kind: 'missing' };
export type AppendOutcome = { kind: 'stored'; seq: number } | { kind: 'cancelling' } | { kind: 'superseded' };
/** `refused`: the task does not wait (any more); `exhausted`: it has been told as often as it may. */
export type TellOutcome = { kind: 'stored'; seq: number } | { kind: 'refused' } | { kind: 'exhausted' };
export type FinishOutcome = { kind: 'ended'; seq: number } | { kind: 'refused'; state: TaskState } | { kind: 'missing' };
export type CancelOutcome = { kind: 'cancelled' } | { kind: 'cancelling' } | { kind: 'ended'; state: TaskState } | { kind: 'missing' };
export type ReleaseOutcome = { kind: 'released' } | { kind: 'ended'; state: TaskState } | { kind: 'refused'; state: TaskState } | { kind: 'missing' };

/** How a task ends. */
export type TaskEnd =
  | { state: 'completed'; result: TaskResult }
  | { state: 'failed'; error: string; code: ErrorCode; retryable: boolean; logTail: string[] }
  | { state: 'cancelled'; reason: string };

/** Where a waiting task stands. */
export interface QueueStanding {
  /** Among its tier's tasks, from 1. */
  queuePosition: number;
  /** When it is thought to start, seconds from now; undefined where nobody knows. */
  etaSeconds: number | undefined;
  /** Why it waits, for people. */
  step: string;
}

/** What a worker is told: to cancel a task that it runs, or to end the idle container of a lease. */
export type WorkerOrder = { cancel: string; reason: string } | { evict: string };

export class TaskStore {
  /** When this process last swept a project's index, milliseconds since the epoch. */
  private readonly sweptAt = new Map<string, number>();
  private readonly appends = new AppendQueue((bundle) => this.appendAll(bundle));
  private readonly open: OpenTasks;
  /** By which events of this process are known again. */
  private readonly writer = randomUUID().slice(0, 8);

  constructor(
    private readonly redis: Redis,
    private readonly options: { /** Milliseconds that a task's record and events outlive its end. */ retentionMs: number },
  ) {
    this.open = new OpenTasks(redis);
    for (const script of [CREATE, BEGIN, APPEND, TELL_QUEUED, FINISH, CANCEL, RELEASE]) script.teach(redis);
  }

  /**
   * Creates the task and its first event; an existing one is left alone. `false` where it was there: made by another try of
   * its request, or by this very command, sent again since its answer was lost. `job` is kept until the task's end, so that
   * one that is lost with its queue can be made again. The indexes are written beside it, in other slots, so not in the script:
   * that of open tasks before, so that no open task is missing there.
   */
  async create(task: NewTask, queuePosition: number | undefined, job?: KeptJob, now = new Date()): Promise<boolean> {
    const extra = queuePosition === undefined ? {} : { queue_position: queuePosition };
    const [, made] = await Promise.all([
      this.open.enter(task.taskId, now),
      CREATE.run(this.redis, keysToTheEnd(task.taskId), [
        eventHead(task), eventTail(task, 'queued', 'queued', now, extra), taskChannel(task.taskId), projectChannel(task.projectId),
        job === undefined ? '' : JSON.stringify(job), ...newTaskFields(task),
      ]),
      this.enterIndex(task, now.getTime()),
    ]);
    return made === 1;
  }

  /** Enters the task into its project's index, once, so that it keeps its place there; the index's end is put off, and every now and then it is swept. */
  private async enterIndex({ projectId, taskId }: NewTask, now: number): Promise<void> {
    const index = keys.projectTasks(projectId);
    const horizon = this.options.retentionMs + INDEX_SLACK_MS;
    const entered: Promise<unknown>[] = [this.redis.zadd(index, 'NX', now, taskId), this.redis.pexpire(index, horizon)];
    if (now - (this.sweptAt.get(projectId) ?? Number.NEGATIVE_INFINITY) >= INDEX_SWEEP_MS) {
      if (this.sweptAt.size >= MOST_SWEPT) this.sweptAt.clear();
      this.sweptAt.set(projectId, now);
      entered.push(this.redis.zremrangebyscore(index, '-inf', now - horizon));
    }
    await Promise.all(entered);
  }

  /**
   * The task that this request of the project started first. A request seen for the first time reserves
   * `taskId`; a reservation without a task behind it (a crash in between) is taken up again by the retry.
   */
  async claimRequest(projectId: string, requestId: string, taskId: string): Promise<string> {
    const key = keys.request(projectId, requestId);
    // Not `SET … NX GET`, which Redis has from 7.0 on only: Ubuntu 22.04 brings 6.0.
    if ((await this.redis.set(key, taskId, 'PX', REQUEST_TTL_MS, 'NX')) === 'OK') return taskId;
    return (await this.redis.get(key)) ?? taskId;
  }

  /**
   * Claims the next attempt for a worker process. `maxLosses` attempts may be lost, with a worker that dies or an engine that fails, before the task does. `claim` names the
   * taking of the job by which the worker has it, without white space: with one that has begun before nothing begins, and the
   * answer is the same attempt, even where it is over.
   */
  async begin(identity: TaskIdentity, workerId: string, maxLosses: number, claim: string = randomUUID(), now = new Date()): Promise<BeginOutcome> {
    if (!/^\S+$/.test(claim)) throw new RangeError(`the claim ${JSON.stringify(claim)} is empty or holds white space`);
    this.appends.flush(identity.taskId);
    const lost = `${maxLosses} attempts of this task were lost with the worker, or the container engine, that ran them; look for what it does to them before starting it again`;
    const [kind, value] = asList(
      await BEGIN.run(this.redis, keysToTheEnd(identity.taskId), [
        eventHead(identity), eventTail(identity, 'preparing', 'preparing', now), taskChannel(identity.taskId), projectChannel(identity.projectId),
        workerId, now.getTime(), maxLosses,
        eventTail(identity, 'failed', 'failed', now, { error: lost, code: 'WORKER_LOST', retryable: true, log_tail: [] }),
        eventTail(identity, 'cancelled', 'cancelled', now, { reason: 'cancelled while its worker was lost' }),
        this.options.retentionMs, lost, claim, MOST_CLAIMS,
      ]),
    );
    if (kind === 'started') return { kind, attempt: Number(value) };
    return kind === 'ended' ? { kind, state: this.over(identity, asState(value)) } : { kind: 'missing' };
  }

  /** Stores and publishes a progress event of an attempt; those of one turn of the loop share a script. @throws RangeError where the progress is not within 0–100. */
  async append(task: HeldTask, attempt: number, state: 'preparing' | 'running', report: ProgressReport, now = new Date()): Promise<AppendOutcome> {
    // The script puts the number into the event's text as it is: NaN would make an entry that no reader can parse.
    if (!(report.progress >= 0 && report.progress <= 100)) throw new RangeError(`the progress ${report.progress} is not within 0–100`);
    const seq = await this.appends.add(task, attempt, { ...report, state, now });
    if (seq === 0) return { kind: 'cancelling' };
    return seq > 0 ? { kind: 'stored', seq } : { kind: 'superseded' };
  }

  /** Publishes a preview; nothing is stored, and nobody minds when it is lost. */
  async publishPreview(projectId: string, message: string): Promise<void> {
    await this.redis.publish(projectChannel(projectId), message);
  }

  /** Says where a waiting task stands. Nothing is stored of one that does not wait any more. */
  async tellQueued(identity: TaskIdentity, { queuePosition, etaSeconds, step }: QueueStanding, now = new Date()): Promise<TellOutcome> {
    this.appends.flush(identity.taskId);
    const extra = { queue_position: queuePosition, ...(etaSeconds === undefined ? {} : { eta_seconds: Math.round(etaSeconds) }) };
    const seq = await TELL_QUEUED.run(this.redis, keysOf(identity.taskId), [
      eventHead(identity), eventTail(identity, 'queued', step, now, extra), taskChannel(identity.taskId), projectChannel(identity.projectId), step, MOST_QUEUED_EVENTS, this.writer, this.appends.number(1),
    ]);
    if (typeof seq === 'number' && seq > 0) return { kind: 'stored', seq };
    return { kind: seq === -1 ? 'exhausted' : 'refused' };
  }

  /**
   * Ends the task. `attempt` undefined ends it whatever its attempt: for a task that never reached its queue; `none` only
   * while it waits: for one that left its queue without being taken. `ended` is the answer as well where the task has this
   * very end already.
   */
  async finish(identity: HeldTask, attempt: number | 'none' | undefined, end: TaskEnd, now = new Date()): Promise<FinishOutcome> {
    this.appends.flush(identity.taskId);
    const { extra, fields } = describeEnd(end);
    const [kind, value] = asList(
      await FINISH.run(this.redis, keysToTheEnd(identity.taskId), [
        eventHead(identity), eventTail(identity, end.state, end.state, now, extra), taskChannel(identity.taskId), projectChannel(identity.projectId),
        attempt ?? '', end.state, end.state === 'completed' ? 100 : '', now.getTime(), this.options.retentionMs, identity.claim ?? '', ...fields,
      ]),
    );
    if (kind === 'ended') {
      this.over(identity, end.state);
      return { kind, seq: Number(value) };
    }
    return kind === 'refused' ? { kind, state: asState(value) } : { kind: 'missing' };
  }

  /** Cancels a task: at once where it waits, through its worker where it runs; asked again, the worker is told again. */
  async cancel(identity: TaskIdentity, reason: string, now = new Date()): Promise<CancelOutcome> {
    this.appends.flush(identity.taskId);
    const [kind, value] = asList(
      await CANCEL.run(this.redis, keysToTheEnd(identity.taskId), [
        eventHead(identity), eventTail(identity, 'cancelling', 'cancelling', now), eventTail(identity, 'cancelled', 'cancelled', now, { reason }),
        taskChannel(identity.taskId), projectChannel(identity.projectId), reason, now.getTime(), this.options.retentionMs,
        workerChannel(''), identity.taskId,
      ]),
    );
    if (kind === 'cancelled') this.over(identity, kind);
    if (kind === 'cancelled' || kind === 'cancelling') return { kind };
    return kind === 'ended' ? { kind, state: asState(value) } : { kind: 'missing' };
  }

  /** The job that a task was queued with; undefined where it has ended or none was kept. */
  async keptJob(taskId: string): Promise<KeptJob | undefined> {
    const text = await this.redis.get(keys.job(taskId));
    return text === null ? undefined : (JSON.parse(text) as KeptJob);
  }

  /** Puts a task back into the state it had before its worker took it; `losses` are counted against it, as if its worker had died; `newJob` where its job is lost and made again, before that. */
  async release(identity: HeldTask, attempt: number, why: string, { losses = 0, newJob = false, now = new Date() } = {}): Promise<ReleaseOutcome> {
    this.appends.flush(identity.taskId);
    const [kind, value] = asList(
      await RELEASE.run(this.redis, keysToTheEnd(identity.taskId), [
        eventHead(identity), eventTail(identity, 'queued', why, now),
        eventTail(identity, 'cancelled', 'cancelled', now, { reason: 'cancelled while its worker put it back' }),
        taskChannel(identity.taskId), projectChannel(identity.projectId), attempt, now.getTime(), this.options.retentionMs, identity.claim ?? '', losses, newJob ? '1' : '',
      ]),
    );
    if (kind === 'released') return { kind };
    if (kind === 'ended') this.over(identity, asState(value));
    return kind === 'ended' || kind === 'refused' ? { kind, state: asState(value) } : { kind: 'missing' };
  }

  async read(taskId: string): Promise<TaskRecord | undefined> {
    return parseRecord(taskId, await this.redis.hgetall(keys.task(taskId)));
  }

  /** Several tasks in the order asked for; those that are gone are left out. */
  async readMany(taskIds: readonly string[]): Promise<TaskRecord[]> {
    const records = await Promise.all(taskIds.map((taskId) => this.read(taskId)));
    return records.filter((record) => record !== undefined);
  }

  /** The stored events after `afterSeq`, in order; the first `limit` of them where one is given. */
  async events(taskId: string, afterSeq: number, limit?: number): Promise<TaskEvent[]> {
    const range = [keys.events(taskId), `${afterSeq + 1}-0`, '+'] as const;
    const entries = await (limit === undefined ? this.redis.xrange(...range) : this.redis.xrange(...range, 'COUNT', limit));
    return entries.flatMap(([, fields]) => {
      const event = decodeEvent(fields[1] ?? '');
      return isPreview(event) ? [] : [event];
    });
  }

  /** The project's newest tasks, newest first. */
  async listProject(projectId: string, limit: number): Promise<TaskRecord[]> {
    return this.readMany(await this.redis.zrevrange(keys.projectTasks(projectId), 0, limit - 1));
  }

  /** Remembers which tasks make up a batch, for as long as the index of their project. */
  async putBatch(batchId: string, batch: BatchRecord): Promise<void> {
    await this.redis.set(keys.batch(batchId), JSON.stringify(batch), 'PX', this.options.retentionMs + INDEX_SLACK_MS);
  }

  async readBatch(batchId: string): Promise<BatchRecord | undefined> {
    const text = await this.redis.get(keys.batch(batchId));
    return text === null ? undefined : (JSON.parse(text) as BatchRecord);
  }

  /** The task has ended; nobody waits for the index to hear of it, and who repairs it finds what was missed. */
  private over({ taskId }: TaskIdentity, state: TaskState): TaskState {
    this.open.leave([taskId]).catch(() => undefined);
    return state;
  }

  private async appendAll({ task, attempt, ordinal, reports }: ReportBundle): Promise<number> {
    const last = reports.at(-1);
    const seq = await APPEND.run(this.redis, keysOf(task.taskId), [
      eventHead(task), taskChannel(task.taskId), projectChannel(task.projectId), attempt, last?.state ?? '', last?.step ?? '',
      task.claim ?? '', this.writer, ordinal, ...reports.flatMap((report) => [report.progress, eventTail(task, report.state, report.step, report.now)]),
    ]);
    return typeof seq === 'number' ? seq : -1;
  }
}

/** The keys of a script that writes an event, in this order. */
function keysOf(taskId: string): string[] {
  return [keys.task(taskId), keys.events(taskId)];
}

/** The keys of a script that makes a task, or may end it. */
function keysToTheEnd(taskId: string): string[] {
  return [...keysOf(taskId), keys.job(taskId)];
}

/** Which tasks make up a batch. */
export interface BatchRecord {
  projectId: string;
  taskIds: string[];
}

function describeEnd(end: TaskEnd): { extra: Record<string, unknown>; fields: string[] } {
  switch (end.state) {
    case 'completed':
      return { extra: { result: end.result }, fields: ['result', JSON.stringify(end.result)] };
    case 'failed':
      return {
        extra: { error: end.error, code: end.code, retryable: end.retryable, log_tail: end.logTail },
        fields: ['error', end.error, 'code', end.code],
      };
    case 'cancelled':
      return { extra: { reason: end.reason }, fields: ['reason', end.reason] };
  }
}

function asList(reply: unknown): unknown[] {
  return Array.isArray(reply) ? reply : [];
}

function asState(value: unknown): TaskState {
  if (typeof value === 'string' && isTaskState(value)) return value;
  throw new Error(`a script of the task store answered with the state ${String(value)}`);
}
