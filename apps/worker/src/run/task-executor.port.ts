import type { TakeFile, TakeMetadata } from '@function-runner/progress-protocol';
import type { JobPayload } from '@function-runner/task-contract';
import type { ResourceClaim } from '../demand/claim-warning.js';
import type { HeldLease } from '../lease/held-lease.js';
import type { ProgressReporter } from '../progress/progress-reporter.js';

/** Injection token of the {@link TaskExecutor}. */
export const TASK_EXECUTOR = Symbol('TaskExecutor');

/** One attempt at a task. */
export interface Attempt {
  taskId: string;
  number: number;
  payload: JobPayload;
  /** What it holds of the host. */
  lease: HeldLease;
  reporter: ProgressReporter;
  /** Aborts when the attempt is to stop, with a StopReason. */
  signal: AbortSignal;
  /** Aborts, then or later, when there is no time for a grace. */
  atOnce: AbortSignal;
  /** Whether the task is this attempt's still, asked of the queue: what is another's by now is not published. */
  isOurs: () => Promise<boolean>;
  /** To be called when the pipeline itself begins: the time-out counts from here. */
  started: () => void;
}

/** What an attempt made: published, or nothing to publish. */
export interface Made {
  outputs: TakeFile[];
  /** What the pipeline's manifest claims to need; 0 where it claims nothing. */
  claim: ResourceClaim;
  metadata: Pick<TakeMetadata, 'modelId' | 'modelVersion' | 'gpu' | 'peakMemoryBytes' | 'cpuSeconds' | 'metrics'>;
}

/** A failure with what the pipeline printed last. */
export class ExecutionError extends Error {
  override readonly name = 'ExecutionError';
  constructor(
    override readonly cause: Error,
    readonly logTail: string[],
  ) {
    super(cause.message, { cause });
  }
}

/** Carries out an attempt: the container one in production, the null one for measuring everything around it. */
export interface TaskExecutor {
  /**
   * Runs to the published take. When the signal aborts it throws, after everything that it started is gone.
   * @throws TaskError | ExecutionError
   */
  execute(attempt: Attempt): Promise<Made>;
  /**
   * The job of a task that ran out of memory, with a larger demand and a sentence's part that says how much; undefined
   * where it was tried with more already, or where no host has more.
   */
  withMore(payload: JobPayload, lease: HeldLease): Promise<{ payload: JobPayload; what: string } | undefined>;
  /** Removes what lost attempts of a task left behind: containers, then drafts. @throws EngineFault where that could not be made sure of */
  clear(payload: JobPayload, taskId: string): Promise<void>;
}
