import type { ErrorCode, LiveState } from '@function-runner/task-contract';

/** A file of a take. */
export interface TakeFile {
  /** Relative to the take's folder. */
  path: string;
  mediaType: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

/** Facts of a finished run; pipelines may add metrics under `metrics`. */
export interface TakeMetadata {
  pipelineId: string;
  modelId?: string;
  modelVersion?: string;
  /** From the attempt's start to its end. */
  durationMs: number;
  /** From submission to the attempt's start. */
  queuedMs: number;
  attempt: number;
  /** The devices that it had, by uuid, separated by commas. */
  gpu?: string;
  peakMemoryBytes?: number;
  /** CPU time of the container. */
  cpuSeconds?: number;
  metrics?: Record<string, number>;
}

/** A finished take. */
export interface TaskResult {
  /** `{output_path}/{task_id}`. */
  outputPath: string;
  outputs: TakeFile[];
  metadata: TakeMetadata;
}

interface EventEnvelope {
  task_id: string;
  node_id: string;
  project_id: string;
  /** Rises by one per durable event of the task, from 1. */
  seq: number;
  /** 0 before the first attempt. */
  attempt: number;
  /** 0–100; never falls within an attempt. */
  progress: number;
  step: string;
  /** ISO 8601, UTC. */
  timestamp: string;
  batch_id?: string;
}

/** A durable event while the task lives. */
export interface ProgressEvent extends EventEnvelope {
  status: LiveState;
  /** Of a waiting task: how many of its tier's are to be taken before it, plus one. */
  queue_position?: number;
  /** Of a waiting task: when it is thought to start, whole seconds from the event. */
  eta_seconds?: number;
}
export interface CompletedEvent extends EventEnvelope {
  status: 'completed';
  result: TaskResult;
}
export interface FailedEvent extends EventEnvelope {
  status: 'failed';
  error: string;
  code: ErrorCode;
  retryable: boolean;
  /** The last lines that the pipeline printed. */
  log_tail: string[];
}
export interface CancelledEvent extends EventEnvelope {
  status: 'cancelled';
  reason: string;
}
export type TerminalEvent = CompletedEvent | FailedEvent | CancelledEvent;

/** A message of the channel `task:progress:{task_id}` and an entry of the event log: the same text in both. */
export type TaskEvent = ProgressEvent | TerminalEvent;

/** A picture of the work under way; never stored, dropped when a client is slow. */
export interface PreviewMessage extends EventEnvelope {
  status: LiveState;
  preview: { mediaType: string; width?: number; height?: number; /** Base64. */ data: string };
}
