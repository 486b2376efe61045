import type { TaskState } from '@function-runner/task-contract';
import type { TaskIdentity } from './task-record.js';

/** The part of an event's text before its seq; see `append-event.lua.ts`. */
export function eventHead({ taskId, nodeId, projectId }: TaskIdentity): string {
  return `{"task_id":${JSON.stringify(taskId)},"node_id":${JSON.stringify(nodeId)},"project_id":${JSON.stringify(projectId)},"seq":`;
}

const NOTHING: Readonly<Record<string, unknown>> = {};

/** The part after seq, attempt and progress. `extra` are further top-level fields. */
export function eventTail(identity: TaskIdentity, status: TaskState, step: string, now: Date, extra: Record<string, unknown> = NOTHING): string {
  // By hand, since it is written for every report: an object made for JSON takes twice the time.
  const batch = identity.batchId === undefined ? '' : `,"batch_id":${JSON.stringify(identity.batchId)}`;
  const rest = extra === NOTHING ? '' : JSON.stringify(extra).slice(1, -1);
  return `,"step":${JSON.stringify(step)},"status":"${status}","timestamp":"${now.toISOString()}"${batch}${rest === '' ? '' : `,${rest}`}}`;
}
