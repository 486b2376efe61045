import type { DemandKind } from './demand-kind.js';
import { rankWithinProject, turnCost } from './turn-cost.js';
import type { WaitingTask } from './waiting-task.js';

/**
 * Waiting tasks that are alike to scheduling: of one project, tier, priority, pipeline and demand. Only the head competes
 * with other groups: what does not go for it goes for none of the others.
 *
 * Owns their order: the oldest first, of those submitted at once the smaller id. Belongs to a {@link WaitingLine}, which
 * alone changes it.
 */
export class WaitingGroup {
  readonly projectId: string;
  readonly tier: WaitingTask['tier'];
  readonly pipelineId: string;
  /** What a start of one of them costs the project. */
  readonly cost: number;
  /** Starts that passed the head by since one of the group was last started. */
  bypasses = 0;
  private tasks: WaitingTask[] = [];
  /** Where the head is: what lies before it has left. */
  private first = 0;

  constructor(
    like: WaitingTask,
    readonly kind: DemandKind,
  ) {
    this.projectId = like.projectId;
    this.tier = like.tier;
    this.pipelineId = like.pipelineId;
    this.cost = turnCost(like.tier, like.priority);
  }

  get size(): number {
    return this.tasks.length - this.first;
  }

  /** The task that would be the head once so many before it have gone. */
  at(place: number): WaitingTask | undefined {
    return this.tasks[this.first + place];
  }

  /** A task of the group in its project's order, smallest first. */
  rank(task: WaitingTask): number {
    return rankWithinProject(this.cost, task.submittedAt);
  }

  add(task: WaitingTask): void {
    this.tasks.splice(this.find(task), 0, task);
  }

  /** Whether it was there. */
  remove(task: WaitingTask): boolean {
    const index = this.find(task);
    if (this.tasks[index]?.taskId !== task.taskId) return false;
    if (index > this.first) {
      this.tasks.splice(index, 1);
      return true;
    }
    this.first += 1;
    // A shift costs as much as the tasks behind it; leaving room until half is room makes it cost one step a task.
    if (this.first * 2 > this.tasks.length) {
      this.tasks = this.tasks.slice(this.first);
      this.first = 0;
    }
    return true;
  }

  /** The index of the first that does not come before the task. New ones mostly are the last. */
  private find(task: WaitingTask): number {
    const last = this.tasks.at(-1);
    if (this.size === 0 || (last !== undefined && isOlder(last, task))) return this.tasks.length;
    let low = this.first;
    let high = this.tasks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const there = this.tasks[middle];
      if (there !== undefined && isOlder(there, task)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** Whether a task comes before another that is its equal in all else. */
export function isOlder(a: WaitingTask, b: WaitingTask): boolean {
  return a.submittedAt < b.submittedAt || (a.submittedAt === b.submittedAt && a.taskId < b.taskId);
}
