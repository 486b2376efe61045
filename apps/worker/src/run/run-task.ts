/**
 * The story of a run: claim the attempt, execute it, end the task. Everything else in this app serves this file.
 *
 * Must stay true: an attempt begins only after what earlier ones left is gone; an end is reported only after what ran is
 * gone (the executor settles no sooner); a task gets one end, since the store takes the first and refuses the rest; a run
 * that lost its task reports nothing at all, and none fails for what befell its worker, its engine or Redis.
 */
import { Inject, Injectable } from '@nestjs/common';
import { ERROR_CODES, TaskError, type ErrorCode, type JobPayload } from '@function-runner/task-contract';
import type { HeldTask, TaskEnd, TaskIdentity, TaskStore } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import type { StopSignals } from '../container/container-engine.port.js';
import { EngineFault } from '../container/engine-fault.js';
import type { HeldLease } from '../lease/held-lease.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { DemandLog } from '../demand/demand-log.js';
import { VramGauge } from '../demand/vram-gauge.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { ProgressReporter } from '../progress/progress-reporter.js';
import { TASK_STORE } from '../progress/task-store.token.js';
import { LiveRuns } from './live-runs.js';
import { stopReason, type StopReason } from './stop-reason.js';
import { writeDurably } from './write-durably.js';
import { ExecutionError, TASK_EXECUTOR, type Made, type TaskExecutor } from './task-executor.port.js';

/** A task as intake hands it over. */
export interface TakenTask {
  taskId: string;
  payload: JobPayload;
  /** Names this taking of the job, and no other: what is asked of the store twice is done once. */
  claim: string;
  /** How often the job has been taken, this time included. */
  starts: number;
  /** Whether it is ours still: asks the queue, which tells the run to stop where it is not. */
  isOurs: () => Promise<boolean>;
  /** What it needs of the host, and holds. */
  lease: HeldLease;
}

/** What intake does with the job afterwards: it is done, or it goes back into its queue, with other data where given. */
export type RunEnd = { kind: 'done' } | { kind: 'put-back'; payload?: JobPayload };

const DONE: RunEnd = { kind: 'done' };

/** What the artist reads of a task that waits again, by why its run was stopped. */
const PUT_BACK = {
  drain: 'put back by a worker that is shutting down',
  'lease-lost': 'put back by a worker that lost its hold of the host',
  blocked: 'put back by a worker that did not come to itself for a while',
} as const;

@Injectable()
export class RunTask {
  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    @Inject(TASK_STORE) private readonly store: TaskStore,
    @Inject(TASK_EXECUTOR) private readonly executor: TaskExecutor,
    private readonly live: LiveRuns,
    private readonly metrics: WorkerMetrics,
    private readonly demand: DemandLog,
    private readonly vram: VramGauge,
    private readonly leases: LeaseKeeper,
    @Inject(LOGGER) private readonly rootLogger: Logger,
  ) {}

  /** Runs a task to its end. @throws when the claim itself, or the tidying after an ended task, fails; the queue repeats it. */
  async run(taken: TakenTask): Promise<RunEnd> {
    const { taskId, payload } = taken;
    const task = { ...identityOf(taskId, payload), claim: taken.claim };
    const logger = this.rootLogger.child({ task: taskId, request: payload.trace.request_id });
    // Before the claim: from the moment that the store names us the task's worker, a cancel may reach us.
    const signals = this.live.open(taskId);
    try {
      // What a lost attempt left is gone before the next one begins.
      if (taken.starts > 1) await this.executor.clear(payload, taskId);
      const claim = await this.store.begin(task, this.config.workerId, this.config.maxLosses, taken.claim);
      // A job that was made anew, since Redis had lost it, knows nothing of earlier attempts.
      if (taken.starts === 1 && (claim.kind !== 'started' || claim.attempt > 1)) await this.executor.clear(payload, taskId);
      if (claim.kind !== 'started') {
        logger.info({ claim }, 'nothing to run: the task has ended');
        return DONE;
      }
      return await this.attempt(task, taken, claim.attempt, signals, logger.child({ attempt: claim.attempt }));
    } finally {
      this.live.close(taskId);
    }
  }

  private async attempt(task: HeldTask, { payload, lease, isOurs: ask }: TakenTask, number: number, { signal, atOnce }: StopSignals, logger: Logger): Promise<RunEnd> {
    // A good run must not fail for a connection that broke while it asked.
    const isOurs = (): Promise<boolean> => writeDurably(ask, signal, logger);
    const startedAt = Date.now();
    const timeLimit = new TimeLimit(payload.config.timeout_seconds ?? this.config.tiers[this.tierOf(payload)].timeout_seconds, (seconds) => this.live.stop(task.taskId, { kind: 'timeout', seconds }));
    const reporter = new ProgressReporter(this.store, task, number, this.config.progressPerSecond, (verdict) =>
      this.live.stop(task.taskId, verdict === 'cancelling' ? { kind: 'cancel', reason: 'cancelled' } : { kind: 'superseded' }), logger);
    const measured = this.metrics.startRun(payload.pipeline_id);
    logger.debug({ pipeline: payload.pipeline_id, node: task.nodeId }, 'attempt begins');
    const vram = this.vram.measure(lease);
    let pipelineStartedAt: number | undefined;
    const started = (): void => {
      pipelineStartedAt ??= performance.now();
      timeLimit.start();
    };
    let end: TaskEnd;
    try {
      const made = await this.executor.execute({ taskId: task.taskId, number, payload, lease, reporter, signal, atOnce, isOurs, started });
      this.learn(payload, made, performance.now() - (pipelineStartedAt ?? performance.now()), vram.end());
      end = completed(task.taskId, made, payload, number, startedAt);
    } catch (error) {
      const reason = await this.whyStopped(signal, lease, isOurs, logger);
      if (reason !== undefined) {
        if (reason.kind === 'superseded') {
          reporter.close();
          measured.end('superseded');
          logger.warn('attempt given up: the task belongs to another worker');
          return DONE;
        }
        if (reason.kind !== 'cancel' && reason.kind !== 'timeout') {
          reporter.close();
          measured.end('put-back');
          return await this.putBack(task, number, { why: PUT_BACK[reason.kind] }, signal, logger);
        }
        end = reason.kind === 'cancel'
          ? { state: 'cancelled', reason: reason.reason }
          : failed('TIMEOUT', `the run took longer than ${reason.seconds} s, the limit of its pipeline or tier; raise timeout_seconds, or make the node’s work smaller`, logTailOf(error));
      } else if (causeOf(error) instanceof EngineFault) {
        reporter.close();
        measured.end('engine-fault');
        logger.error({ err: causeOf(error) }, 'the container engine failed under the attempt');
        return await this.putBack(task, number, { why: 'put back, since the container engine of its worker failed', losses: 1 }, signal, logger);
      } else {
        end = failureOf(error, logger);
        const larger = end.state === 'failed' && end.code === 'OUT_OF_MEMORY' ? await this.executor.withMore(payload, lease) : undefined;
        if (larger !== undefined) {
          reporter.close();
          measured.end('OUT_OF_MEMORY');
          return await this.putBack(task, number, { why: `ran out of memory; waiting to try once more with ${larger.what}`, payload: larger.payload }, signal, logger);
        }
      }
    } finally {
      timeLimit.end();
      vram.end();
    }
    if (reporter.firstReportAt !== undefined) this.metrics.observeFirstProgress(payload.pipeline_id, lease.warm, reporter.firstReportAt - performance.now() + Date.now() - Date.parse(payload.submitted_at));
    reporter.close();
    const outcome = await writeDurably(() => this.store.finish(task, number, end), signal, logger);
    measured.end(end.state === 'failed' ? end.code : end.state);
    logger.info({ pipeline: payload.pipeline_id, node: task.nodeId, state: end.state, code: end.state === 'failed' ? end.code : undefined, outcome, ms: Date.now() - startedAt }, 'attempt ends');
    return DONE;
  }

  /**
   * Why the run was stopped; undefined where it failed by itself, which is believed only once queue and book have said that
   * it is ours: a container that is gone may have been ended by others, who took the task while this process was frozen.
   */
  private async whyStopped(signal: AbortSignal, lease: HeldLease, isOurs: () => Promise<boolean>, logger: Logger): Promise<StopReason | undefined> {
    if (signal.aborted) return stopReason(signal);
    const [ours, lost] = await Promise.all([isOurs(), writeDurably(() => this.leases.isLost(lease), signal, logger)]).catch((error: unknown) => {
      // Stopped while Redis refused to say.
      if (signal.aborted) return [true, false];
      throw error;
    });
    if (signal.aborted) return stopReason(signal);
    if (!ours) return { kind: 'superseded' };
    return lost ? { kind: 'lease-lost' } : undefined;
  }

  /** What the run took and used is noted, for estimates and for whoever wrote the claim. */
  private learn(payload: JobPayload, { metadata: { peakMemoryBytes }, claim }: Made, durationMs: number, peakVramBytes: number | undefined): void {
    this.demand.note(payload.pipeline_id, this.tierOf(payload), {
      durationMs: Math.round(durationMs), ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }), ...(peakVramBytes === undefined ? {} : { peakVramBytes }),
    }, claim);
  }

  /** The task goes back into its queue, unless it was cancelled meanwhile. */
  private async putBack(task: HeldTask, attempt: number, { why, payload, losses = 0 }: { why: string; payload?: JobPayload; losses?: number }, signal: AbortSignal, logger: Logger): Promise<RunEnd> {
    const released = await writeDurably(() => this.store.release(task, attempt, why, { losses }), signal, logger);
    if (released.kind !== 'released') {
      logger.warn({ released }, 'attempt given up: the task has ended, or belongs to another worker');
      return DONE;
    }
    logger.info({ why }, 'attempt stopped, the task goes back into its queue');
    return payload === undefined ? { kind: 'put-back' } : { kind: 'put-back', payload };
  }

  private tierOf(payload: JobPayload): keyof WorkerConfig['tiers'] {
    const { quality } = payload.trace;
    return quality in this.config.tiers ? (quality as keyof WorkerConfig['tiers']) : 'standard';
  }
}

/** The time-out of an attempt; it counts from the start of the pipeline, so that pulling an image costs nothing. */
class TimeLimit {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly seconds: number,
    private readonly onEnd: (seconds: number) => void,
  ) {}

  start(): void {
    // Called once more when a serving container that was started for the attempt gets its task: the time runs on.
    this.timer ??= setTimeout(() => this.onEnd(this.seconds), this.seconds * 1000);
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

function identityOf(taskId: string, payload: JobPayload): TaskIdentity {
  const { batch_id: batchId } = payload.trace;
  return { taskId, nodeId: payload.parameters.node_id, projectId: payload.parameters.project_id, ...(batchId === undefined ? {} : { batchId }) };
}

function completed(taskId: string, made: Made, payload: JobPayload, attempt: number, startedAt: number): TaskEnd {
  return {
    state: 'completed',
    result: {
      outputPath: `${payload.parameters.output_path}/${taskId}`,
      outputs: made.outputs,
      metadata: { pipelineId: payload.pipeline_id, ...made.metadata, durationMs: Date.now() - startedAt, queuedMs: Math.max(0, startedAt - Date.parse(payload.submitted_at)), attempt },
    },
  };
}

function failed(code: ErrorCode, error: string, logTail: string[]): TaskEnd {
  return { state: 'failed', code, error, retryable: ERROR_CODES[code].retryable, logTail };
}

function failureOf(error: unknown, logger: Logger): TaskEnd {
  const cause = causeOf(error);
  if (cause instanceof TaskError) return failed(cause.code, cause.message, logTailOf(error));
  // Not foreseen: the client learns that it is ours, the log learns all of it.
  logger.error({ err: cause }, 'the run failed unexpectedly');
  return failed('INTERNAL', `the runner or its container engine failed: ${cause instanceof Error ? cause.message : String(cause)}; see the worker’s log`, logTailOf(error));
}

/** What went wrong, without what the pipeline printed. */
function causeOf(error: unknown): unknown {
  return error instanceof ExecutionError ? error.cause : error;
}

function logTailOf(error: unknown): string[] {
  return error instanceof ExecutionError ? error.logTail : [];
}
