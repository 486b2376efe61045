import type { TaskState } from '@function-runner/task-contract';
import type { TaskIdentity } from './task-record.js';

/** The part of an event's text before its seq; see `append-event.lua.ts`. */
export function eventHead({ taskId, nodeId, projectId }: TaskIdentity): string {
  return `{"task_id":${JSON.stringify(taskId)},"node_id":${JSON.stringify(nodeId)},"project_id":${JSON.stringify(projectId)},"seq":`;
}

/** The part after seq, attempt and progress. `extra` are further top-level fields. */
export function eventTail(identity: TaskIdentity, status: TaskState, step: string, now: Date, extra: Record<string, unknown> = {}): string {
  const batch = identity.batchId === undefined ? {} : { batch_id: identity.batchId };
  return `,${JSON.stringify({ step, status, timestamp: now.toISOString(), ...batch, ...extra }).slice(1)}`;
}
