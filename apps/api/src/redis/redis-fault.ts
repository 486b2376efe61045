import { TaskError } from '@function-runner/task-contract';

/** Replies of a Redis that is there and cannot take a write or a command now. */
const REFUSALS = /\b(OOM|READONLY|LOADING|MASTERDOWN|NOREPLICAS|MISCONF|BUSY|CLUSTERDOWN)\b/;

/** What ioredis says when there is no connection, or no answer in time. */
const NO_ANSWER = /command timed out|connection is closed|max retries per request|stream isn't writeable|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EHOSTUNREACH/i;

/** Whether an error means that Redis cannot serve the request now, and may later. */
export function isRedisFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === 'MaxRetriesPerRequestError' || REFUSALS.test(error.message) || NO_ANSWER.test(error.message);
}

/** Any error as one with a code: itself, `UNAVAILABLE` for a fault of Redis, else `otherwise`. */
export function toTaskError(error: unknown, otherwise: 'INTERNAL' | 'DISPATCH_FAILED'): TaskError {
  if (error instanceof TaskError) return error;
  if (isRedisFault(error)) return new TaskError('UNAVAILABLE', 'Redis cannot take the request now; try again in a moment', undefined, { cause: error });
  const sentence = otherwise === 'INTERNAL' ? 'the request failed inside the api; its log says why' : 'the task could not be queued; the log of the api says why';
  return new TaskError(otherwise, sentence, undefined, { cause: error });
}
