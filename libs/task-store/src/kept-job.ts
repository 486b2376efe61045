import type { JobPayload, TaskPriority } from '@function-runner/task-contract';

/** A task's job as it was queued first. */
export interface KeptJob {
  priority: TaskPriority;
  payload: JobPayload;
}
