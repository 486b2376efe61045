import type { ErrorCode, LiveState } from '@function-runner/task-contract';
import type { PreviewMessage, TaskEvent, TaskResult } from './task-event.js';

/** What every event of a task carries to a client. */
export interface ClientEnvelope {
  taskId: string;
  nodeId: string;
  projectId: string;
  seq: number;
  attempt: number;
  progress: number;
  step: string;
  timestamp: string;
  batchId?: string;
}
export interface TaskProgressPayload extends ClientEnvelope {
  status: LiveState;
  queuePosition?: number;
  /** When it is thought to start, seconds from the event. */
  etaSeconds?: number;
}
export interface TaskPreviewPayload extends ClientEnvelope {
  status: LiveState;
  mediaType: string;
  width?: number;
  height?: number;
  data: Buffer;
}
export interface TaskSuccessPayload extends ClientEnvelope {
  status: 'completed';
  result: TaskResult;
}
export interface TaskFailedPayload extends ClientEnvelope {
  status: 'failed';
  error: string;
  code: ErrorCode;
  retryable: boolean;
  logTail: string[];
}
export interface TaskCancelledPayload extends ClientEnvelope {
  status: 'cancelled';
  reason: string;
}

/** A durable event under its Socket.IO name. */
export type ClientEvent =
  | { name: 'task_progress'; payload: TaskProgressPayload }
  | { name: 'task_success'; payload: TaskSuccessPayload }
  | { name: 'task_failed'; payload: TaskFailedPayload }
  | { name: 'task_cancelled'; payload: TaskCancelledPayload };

/** A stored event as clients know it. */
export function toClientEvent(event: TaskEvent): ClientEvent {
  const envelope = envelopeOf(event);
  switch (event.status) {
    case 'completed':
      return { name: 'task_success', payload: { ...envelope, status: 'completed', result: event.result } };
    case 'failed':
      return { name: 'task_failed', payload: { ...envelope, status: 'failed', error: event.error, code: event.code, retryable: event.retryable, logTail: event.log_tail } };
    case 'cancelled':
      return { name: 'task_cancelled', payload: { ...envelope, status: 'cancelled', reason: event.reason } };
    default: {
      const payload: TaskProgressPayload = { ...envelope, status: event.status };
      if (event.queue_position !== undefined) payload.queuePosition = event.queue_position;
      if (event.eta_seconds !== undefined) payload.etaSeconds = event.eta_seconds;
      return { name: 'task_progress', payload };
    }
  }
}

/** A preview as clients know it, its picture as bytes. */
export function toClientPreview(message: PreviewMessage): TaskPreviewPayload {
  const { mediaType, width, height, data } = message.preview;
  return {
    ...envelopeOf(message),
    status: message.status,
    mediaType,
    ...(width === undefined ? {} : { width }),
    ...(height === undefined ? {} : { height }),
    data: Buffer.from(data, 'base64'),
  };
}

function envelopeOf(event: TaskEvent | PreviewMessage): ClientEnvelope {
  const envelope: ClientEnvelope = {
    taskId: event.task_id,
    nodeId: event.node_id,
    projectId: event.project_id,
    seq: event.seq,
    attempt: event.attempt,
    progress: event.progress,
    step: event.step,
    timestamp: event.timestamp,
  };
  if (event.batch_id !== undefined) envelope.batchId = event.batch_id;
  return envelope;
}
