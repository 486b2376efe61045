export type {
  CancelledEvent, CompletedEvent, FailedEvent, PreviewMessage, ProgressEvent, TakeFile, TakeMetadata, TaskEvent, TaskResult, TerminalEvent,
} from './task-event.js';
export { projectChannel, schedulerChannel, taskChannel, workerChannel } from './channels.js';
export { keys } from './keys.js';
export { decodeEvent, isPreview } from './event-codec.js';
export { sequenceStep } from './sequence.js';
export type { SequenceStep } from './sequence.js';
export { toClientEvent, toClientPreview } from './client-event.js';
export type {
  ClientEnvelope, ClientEvent, TaskCancelledPayload, TaskFailedPayload, TaskPreviewPayload, TaskProgressPayload, TaskSuccessPayload,
} from './client-event.js';
export { CLIENT_REQUESTS, SERVER_EVENTS } from './socket-events.js';
export type {
  BatchAcknowledgedPayload, BatchCancelAcknowledgedPayload, BatchItemOutcome, BatchProgressPayload, CancelAcknowledgedPayload, ProjectSnapshotPayload, ServerClosingPayload,
  ServerToClientEvents, TaskAcknowledgedPayload, TaskErrorPayload, TaskResumedPayload, TaskSummary,
} from './socket-events.js';
export { gateProgress } from './progress-gate.js';
export type { GateDecision, GateState, ProgressReport } from './progress-gate.js';
