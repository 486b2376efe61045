import { TaskError } from '@function-runner/task-contract';
import type { HistoryPlace } from '@function-runner/task-store';

/** Milliseconds since the epoch, and a task's id, which has no dot. */
const PLACE = /^(\d{1,15})\.([0-9a-f-]{36})$/;

/** A place in a project's history as a word that clients hand back and need not understand. */
export function toCursor({ submittedAt, taskId }: HistoryPlace): string {
  return Buffer.from(`${submittedAt}.${taskId}`).toString('base64url');
}

/** @throws TaskError VALIDATION_FAILED where the word is none of ours */
export function fromCursor(cursor: string): HistoryPlace {
  const [, submittedAt, taskId] = PLACE.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (submittedAt === undefined || taskId === undefined) {
    const problem = { path: 'cursor', message: 'must be the nextCursor of an answer to the same question' };
    throw new TaskError('VALIDATION_FAILED', `${problem.path} ${problem.message}`, [problem]);
  }
  return { submittedAt: Number(submittedAt), taskId };
}
