import { TaskError } from '@function-runner/task-contract';
import { redisFault } from '@function-runner/task-store';

/** Whether an error means that Redis cannot serve the request now, and may later. */
export function isRedisFault(error: unknown): boolean {
  return redisFault(error) !== undefined;
}

/** Any error as one with a code: itself, `UNAVAILABLE` for a fault of Redis, else `otherwise`. */
export function toTaskError(error: unknown, otherwise: 'INTERNAL' | 'DISPATCH_FAILED'): TaskError {
  if (error instanceof TaskError) return error;
  if (isRedisFault(error)) return new TaskError('UNAVAILABLE', 'Redis cannot take the request now; try again in a moment', undefined, { cause: error });
  const sentence = otherwise === 'INTERNAL' ? 'the request failed inside the api; its log says why' : 'the task could not be queued; the log of the api says why';
  return new TaskError(otherwise, sentence, undefined, { cause: error });
}
