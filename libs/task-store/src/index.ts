export { TaskStore } from './task-store.js';
export type { AppendOutcome, BatchRecord, BeginOutcome, CancelOutcome, FinishOutcome, ReleaseOutcome, TaskEnd, WorkerOrder } from './task-store.js';
export { ProjectStore } from './project-store.js';
export type { ProjectRecord } from './project-record.js';
export type { NewTask, TaskIdentity, TaskRecord } from './task-record.js';
export { connectRedis } from './redis-connection.js';
export type { ConnectionRole } from './redis-connection.js';
export { RedisCheck } from './redis-check.js';
export type { RedisVerdict } from './redis-check.js';
