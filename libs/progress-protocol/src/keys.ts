/** Names of our keys. Braces are hash tags: the keys that one script touches share one, as a Redis cluster wants. */
export const keys = {
  /** Hash: where the task stands. */
  task: (taskId: string): string => `task:{${taskId}}`,
  /** Stream: the task's event log; entry ids are `{seq}-0`. */
  events: (taskId: string): string => `task:{${taskId}}:events`,
  /** Sorted set: the project's tasks by time of submission. */
  projectTasks: (projectId: string): string => `project:{${projectId}}:tasks`,
  /** Hash: the project itself. */
  project: (projectId: string): string => `project:{${projectId}}`,
  /** String: the task that a request id of the project started. */
  request: (projectId: string, requestId: string): string => `project:{${projectId}}:request:${requestId}`,
  /** Sorted set: the workers that live. */
  workers: 'workers',
  /** String: what a worker says of itself, JSON. */
  worker: (workerId: string): string => `worker:{${workerId}}`,
  /** String: the tasks of a batch, JSON. */
  batch: (batchId: string): string => `batch:{${batchId}}`,
};
