import type { QualityTier } from '@function-runner/pipeline-schema';

/** The BullMQ queue of a tier. */
export function queueName(tier: QualityTier): `quality_${QualityTier}` {
  return `quality_${tier}`;
}

export const TASK_PRIORITIES = ['high', 'normal', 'low'] as const;
export type TaskPriority = (typeof TASK_PRIORITIES)[number];

/**
 * BullMQ's priority number. It tells which of its structures a job waits in, and so how many of each there are; the order
 * in which jobs are taken is decided by placement, which takes them by id. The most frequent one has none: BullMQ then
 * keeps a plain list, which is cheaper than its sorted set at both ends.
 */
export const BULLMQ_PRIORITY: Readonly<Record<TaskPriority, number>> = { normal: 0, high: 1, low: 2 };

/** The priority that a job was queued with, by BullMQ's number. */
export function priorityOf(bullMqPriority: number): TaskPriority {
  return TASK_PRIORITIES.find((priority) => BULLMQ_PRIORITY[priority] === bullMqPriority) ?? 'normal';
}

/** The name of every job; BullMQ wants one. */
export const JOB_NAME = 'generate';
