import type { QualityTier } from '@function-runner/pipeline-schema';

/** The BullMQ queue of a tier. */
export function queueName(tier: QualityTier): `quality_${QualityTier}` {
  return `quality_${tier}`;
}

export const TASK_PRIORITIES = ['high', 'normal', 'low'] as const;
export type TaskPriority = (typeof TASK_PRIORITIES)[number];

/**
 * BullMQ's priority number: it takes jobs without one first, in order, then 1, 2, …
 * `high` has none, so that it overtakes everything without costing a sorted set.
 */
export const BULLMQ_PRIORITY: Readonly<Record<TaskPriority, number>> = { high: 0, normal: 1, low: 2 };

/** The name of every job; BullMQ wants one. */
export const JOB_NAME = 'generate';
