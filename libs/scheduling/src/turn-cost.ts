import type { QualityTier } from '@function-runner/pipeline-schema';
import type { TaskPriority } from '@function-runner/task-contract';

/**
 * Starts that a project of a tier gets for one of the tier `low`, where both always have tasks waiting. As far apart as
 * the tiers' usual limits (1 to 4 at once): a dearer tier goes first, and none is ever shut out.
 */
const TIER_WEIGHT: Readonly<Record<QualityTier, number>> = { low: 1, standard: 2, high: 3, premium: 4 };

/** The same for priorities: somebody waits at the screen for `high`; `low` is what may be done overnight. */
const PRIORITY_WEIGHT: Readonly<Record<TaskPriority, number>> = { high: 4, normal: 1, low: 0.25 };

/** A start at weight 1. Every product of weights divides it, so that virtual times are whole numbers and ties are ties. */
const UNIT_COST = 48;

/**
 * How much longer one task must have waited than another of its project to make up for a cost of 1: an hour for a start
 * at weight 1. So weight decides among what comes within the hour, and age among what came hours apart: a task of the
 * lowest weight is passed by those of the highest that come within four hours, and by no later ones.
 */
const AGE_MS = 3_600_000 / UNIT_COST;

/**
 * How much later than the next one's, in virtual time, the turn of a task may be that goes before it because a warm
 * container awaits it: one start at weight 1. That spares a fifth of the cold starts where projects take turns on full
 * devices; twice as much spares few more, and doubles what it costs a project with single tasks beside another's batch.
 */
export const WARM_LEAD = UNIT_COST;

/** What a start costs its project, in virtual time. */
export function turnCost(tier: QualityTier, priority: TaskPriority): number {
  return UNIT_COST / (TIER_WEIGHT[tier] * PRIORITY_WEIGHT[priority]);
}

/** A task's place among its own project's, smallest first: its cost and its age. It does not change while the task waits. */
export function rankWithinProject(cost: number, submittedAt: number): number {
  return cost * AGE_MS + submittedAt;
}
