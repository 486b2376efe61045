import type { ClusterState } from './cluster-state.js';
import type { Placed } from './placement.js';
import type { Reservation } from './reservation.js';
import { Round, type CanUse } from './round.js';
import { WARM_LEAD } from './turn-cost.js';
import type { WaitReason } from './wait-reason.js';
import type { WaitingLine } from './waiting-line.js';
import type { WaitingTask } from './waiting-task.js';

/**
 * How often a task may be passed over before what it needs is kept for it. Keeping a device free costs what could have run
 * there meanwhile, a run or two; passed over so often, a task has waited several times that.
 */
export const BYPASS_LIMIT = 16;

export interface ScheduleOptions {
  /** Tasks to be started at the most. */
  most: number;
  /** Where a task can run; anywhere if not given. */
  canUse?: CanUse;
  /** How often a task may be passed over before it gets a reservation. */
  bypassLimit?: number;
}

/** A task to be started, and where. */
export interface Start {
  task: WaitingTask;
  placement: Placed;
}

export interface Schedule {
  /** In the order in which they were chosen: a later one counts on the earlier ones having what they were given. */
  starts: readonly Start[];
  /**
   * All that should be kept for tasks that were passed over for too long, what is kept for them already included. One that
   * no decision names any more has no reason left: so whoever keeps the book lets reservations lapse unless renewed.
   */
  reservations: readonly Reservation[];
  /** Why a task that is not among the starts waits, once those have started. Holds until the line changes. */
  reasonFor: (task: WaitingTask) => WaitReason;
}

/**
 * Decides what to start now: the line's order × what is free. A task that does not fit holds up none that does, until it
 * has been passed over too often; then what will fit it soonest is kept for it, here and in the answer. If an idle
 * container awaits what a project would start next, that goes before others whose turns come sooner by no more than
 * {@link WARM_LEAD}: else projects that take turns would end each other's containers. Changes neither the line nor the
 * cluster: tell the line with `noteStart` what has really been started.
 */
export function schedule(line: WaitingLine, cluster: ClusterState, { most, canUse, bypassLimit = BYPASS_LIMIT }: ScheduleOptions): Schedule {
  const round = new Round(cluster, canUse);
  const reserved = round.reserve(line, bypassLimit);
  const starts: Start[] = [];
  const walk = line.walk((group, head) => round.mayGo(group, head));
  while (starts.length < most && round.mayAnyGo(line)) {
    const next = walk.next();
    if (next === undefined) break;
    const { task, group } = round.isAwaited(next.task) ? next : (walk.nextOf(round.awaited(line), (head) => round.isAwaited(head), WARM_LEAD) ?? next);
    const placement = round.start(task, group);
    if (placement !== undefined) {
      starts.push({ task, placement });
      walk.take();
    }
    // Less is free, or a reservation is not of use yet.
    walk.narrow();
  }
  const started = new Set(starts.map(({ task }) => task.taskId));
  return { starts, reservations: reserved.filter(({ task }) => !started.has(task.taskId)), reasonFor: (task) => round.reasonFor(task, line.groupOf(task.taskId)?.kind) };
}
