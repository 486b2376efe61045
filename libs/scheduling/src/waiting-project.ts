import { isOlder, type WaitingGroup } from './waiting-group.js';
import type { WaitingTask } from './waiting-task.js';

/** Where something stands in the order of projects. */
export interface Turn {
  /** In virtual time. */
  time: number;
  /** The task that stands for it, where two have the same time. */
  head: WaitingTask | undefined;
}

/** Whether one has its turn before another. */
export function isSooner(a: Turn, b: Turn): boolean {
  if (a.time !== b.time) return a.time < b.time;
  return a.head !== undefined && b.head !== undefined && isOlder(a.head, b.head);
}

/**
 * A project that has tasks waiting.
 *
 * Owns its groups and how much it has had. Must stay true: {@link WaitingProject.turn} is what its groups and its virtual
 * time make it; whoever changes either calls {@link WaitingProject.settle}. Belongs to a {@link WaitingLine}, which alone
 * changes it.
 */
export class WaitingProject {
  readonly groups = new Map<string, WaitingGroup>();
  readonly turn: Turn = { time: 0, head: undefined };

  constructor(
    readonly projectId: string,
    /** What it has had, in virtual time. */
    public virtualTime: number,
  ) {}

  /** The group whose head goes first. */
  get foremost(): WaitingGroup | undefined {
    let foremost: WaitingGroup | undefined;
    for (const group of this.groups.values()) if (foremost === undefined || goesFirst(group, foremost)) foremost = group;
    return foremost;
  }

  /** What its next start costs at the least: so its turn does not come later for a dear task that age has put first. */
  get cheapest(): number {
    let cheapest = Number.POSITIVE_INFINITY;
    for (const { cost } of this.groups.values()) if (cost < cheapest) cheapest = cost;
    return cheapest;
  }

  settle(): void {
    this.turn.time = this.virtualTime + this.cheapest;
    this.turn.head = this.foremost?.at(0);
  }
}

function goesFirst(a: WaitingGroup, b: WaitingGroup): boolean {
  const [headOfA, headOfB] = [a.at(0), b.at(0)];
  if (headOfA === undefined || headOfB === undefined) return headOfA !== undefined;
  return ranksBefore(a, headOfA, b, headOfB);
}

/** Whether a task of one group goes before one of another group of the same project. */
export function ranksBefore(group: WaitingGroup, task: WaitingTask, otherGroup: WaitingGroup, other: WaitingTask): boolean {
  const [rank, otherRank] = [group.rank(task), otherGroup.rank(other)];
  return rank < otherRank || (rank === otherRank && isOlder(task, other));
}
