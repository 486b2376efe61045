import type { ErrorCode, TaskState } from '@function-runner/task-contract';
import type { TaskCancelledPayload, TaskFailedPayload, TaskPreviewPayload, TaskProgressPayload, TaskSuccessPayload } from './client-event.js';

export interface TaskAcknowledgedPayload {
  taskId: string;
  nodeId: string;
  status: TaskState;
  quality: string;
  pipelineId: string;
  /** Tasks that will be taken from the tier's queue before this one, plus one; 0 once it has been taken. */
  queuePosition: number;
  requestId?: string;
}
export interface TaskErrorPayload {
  error: string;
  code: ErrorCode;
  nodeId?: string;
  taskId?: string;
  projectId?: string;
  requestId?: string;
  details?: unknown;
}
export type BatchItemOutcome = { nodeId: string; taskId: string; status: TaskState; requestId?: string } | { nodeId: string; error: string; code: ErrorCode; requestId?: string; details?: unknown };
export interface BatchAcknowledgedPayload {
  batchId: string;
  tasks: BatchItemOutcome[];
}
export interface CancelAcknowledgedPayload {
  taskId: string;
  status: TaskState;
}
export interface BatchCancelAcknowledgedPayload {
  batchId: string;
  tasks: CancelAcknowledgedPayload[];
}
export interface TaskResumedPayload {
  taskId: string;
  status: TaskState;
  /** The last event stored at the moment of resuming. */
  lastSeq: number;
}
export interface TaskSummary {
  taskId: string;
  nodeId: string;
  nodeType: string;
  projectId: string;
  pipelineId: string;
  quality: string;
  status: TaskState;
  attempt: number;
  progress: number;
  step: string;
  lastSeq: number;
  submittedAt: string;
  startedAt?: string;
  finishedAt?: string;
  batchId?: string;
  requestId?: string;
  result?: unknown;
  error?: string;
  code?: ErrorCode;
}
export interface ProjectSnapshotPayload {
  projectId: string;
  tasks: TaskSummary[];
}
export interface BatchProgressPayload {
  batchId: string;
  total: number;
  queued: number;
  running: number;
  completed: number;
  failed: number;
  cancelled: number;
  /** Mean of the tasks' progress, 0–100; an ended task counts 100. */
  progress: number;
}

export interface ServerClosingPayload {
  /** Moment to connect again, milliseconds from now; each client has its own, so that not all come at once. */
  reconnectInMs: number;
}

/** Every event that the server sends, by name. */
export interface ServerToClientEvents {
  task_acknowledged: (payload: TaskAcknowledgedPayload) => void;
  task_error: (payload: TaskErrorPayload) => void;
  batch_acknowledged: (payload: BatchAcknowledgedPayload) => void;
  cancel_acknowledged: (payload: CancelAcknowledgedPayload | BatchCancelAcknowledgedPayload) => void;
  task_resumed: (payload: TaskResumedPayload) => void;
  project_snapshot: (payload: ProjectSnapshotPayload) => void;
  project_unsubscribed: (payload: { projectId: string }) => void;
  task_progress: (payload: TaskProgressPayload) => void;
  task_preview: (payload: TaskPreviewPayload) => void;
  task_success: (payload: TaskSuccessPayload) => void;
  task_failed: (payload: TaskFailedPayload) => void;
  task_cancelled: (payload: TaskCancelledPayload) => void;
  batch_progress: (payload: BatchProgressPayload) => void;
  batch_completed: (payload: BatchProgressPayload) => void;
  server_closing: (payload: ServerClosingPayload) => void;
}

/** Every request that a client sends, by name; each may carry an acknowledgement callback. */
export const CLIENT_REQUESTS = ['start_generation', 'start_batch', 'cancel_generation', 'resume_task', 'subscribe_project', 'unsubscribe_project'] as const;

/** The names of {@link ServerToClientEvents}, for whatever must know them at run time. A record, so that the compiler misses none. */
const NAMED: Readonly<Record<keyof ServerToClientEvents, true>> = {
  task_acknowledged: true, task_error: true, batch_acknowledged: true, cancel_acknowledged: true, task_resumed: true, project_snapshot: true, project_unsubscribed: true,
  task_progress: true, task_preview: true, task_success: true, task_failed: true, task_cancelled: true, batch_progress: true, batch_completed: true, server_closing: true,
};
export const SERVER_EVENTS: readonly string[] = Object.keys(NAMED);
