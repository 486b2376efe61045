import { TaskError } from '@function-runner/task-contract';

/** A file system's error as a task's: a full disk is told apart from a workspace that cannot be used. */
export function asStorageError(error: unknown, what: string): TaskError {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOSPC' || code === 'EDQUOT'
    ? new TaskError('NO_SPACE', `${what}: the disk is full; free some space and start the node again`, undefined, { cause: error })
    : new TaskError('WORKSPACE_UNAVAILABLE', `${what}: ${message}`, undefined, { cause: error });
}
