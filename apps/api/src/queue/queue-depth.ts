import { TASK_PRIORITIES, type TaskPriority } from '@function-runner/task-contract';

/** Tasks that wait in a tier's queue, by priority. */
export type QueueDepth = Readonly<Record<TaskPriority, number>>;

/** All tasks that wait. */
export function totalDepth(depth: QueueDepth): number {
  return TASK_PRIORITIES.reduce((sum, priority) => sum + depth[priority], 0);
}

/** The place of a task that is added now: those of its own and of higher priority go first. From 1. */
export function positionFor(depth: QueueDepth, priority: TaskPriority): number {
  const ahead = TASK_PRIORITIES.slice(0, TASK_PRIORITIES.indexOf(priority) + 1);
  return ahead.reduce((sum, other) => sum + depth[other], 1);
}
