import type { PlannedTask } from '../plan/plan-requests.js';

/** The answer of an api that named the task. */
export interface Acknowledgement {
  taskId: string;
  /** Milliseconds since the epoch. */
  at: number;
}

/** A planned task as its editor has got it so far. */
export interface AskedTask {
  readonly planned: PlannedTask;
  readonly editor: string;
  readonly projectId: string;
  readonly projectName: string;
  readonly batchId: string | undefined;
  /** In the order in which they came; all should name the same task. */
  readonly acknowledgements: Acknowledgement[];
  /** Acknowledged tasks that were not known any more when they were asked after; each was asked for anew. */
  readonly lost: string[];
  /** The editor has asked for its end. */
  cancelAsked: boolean;
  /** How often which code refused it. */
  readonly refusals: Record<string, number>;
}

/** The task that stands for this request now; undefined while none is acknowledged. */
export function currentTask({ acknowledgements, lost }: AskedTask): string | undefined {
  return acknowledgements.findLast(({ taskId }) => !lost.includes(taskId))?.taskId;
}
