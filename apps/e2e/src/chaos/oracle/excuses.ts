/**
 * What a fault may cost by contract: a Redis that is killed (AOF `everysec`) may forget what it was told last, and a
 * container that somebody kills fails its task. Nothing else is excused. Pure.
 */
import type { FaultRecord } from '../faults/fault-record.js';

/** Redis flushes its file each second, and while the disk is busy it may wait one more (appendfsync everysec). */
const FORGETS_MS = 2000;

/** From the kill of a container until its task is told to have failed: Redis or the daemon may be away meanwhile. */
const KILL_SHOWS_MS = 60_000;

/** The kill is noted once the container has exited; the task may have heard of it before. */
const CLOCK_SLACK_MS = 2000;

/** Whether what happened then (milliseconds since the epoch) may have been forgotten by a Redis that was killed. */
export function mayBeForgotten(faults: readonly FaultRecord[], at: number): boolean {
  return faults.some(({ kind, effect, struckAt }) => kind === 'redis-killed' && effect !== undefined && at >= flushedUntil(faults, struckAt) && at <= struckAt + FORGETS_MS);
}

/** What was told before has been flushed: a Redis that is frozen flushes nothing, so that its time does not count. */
function flushedUntil(faults: readonly FaultRecord[], killedAt: number): number {
  let since = killedAt - FORGETS_MS;
  const frozen = faults.filter(({ kind, effect, struckAt }) => kind === 'redis-frozen' && effect !== undefined && struckAt < killedAt).sort((a, b) => b.struckAt - a.struckAt);
  for (const { struckAt, healedAt } of frozen) if (healedAt > since) since -= Math.min(healedAt, killedAt) - struckAt;
  return since;
}

/**
 * Matches failed tasks with killed containers, each kill with one task: with its own where it is known, else with one
 * that failed soon after.
 * @returns the tasks that a kill explains
 */
export function failedByKill(faults: readonly FaultRecord[], failures: readonly { taskId: string; at: number }[]): Set<string> {
  const kills = faults.flatMap(({ effect, healedAt, struckAt }) => (effect?.killedContainer === undefined ? [] : [{ struckAt, healedAt, taskId: effect.killedContainer.taskId }]));
  const explained = new Set<string>();
  for (const kill of kills) {
    const failure = failures.find(({ taskId, at }) => !explained.has(taskId) && (kill.taskId === undefined ? at >= kill.struckAt - CLOCK_SLACK_MS && at <= kill.healedAt + KILL_SHOWS_MS : taskId === kill.taskId));
    if (failure !== undefined) explained.add(failure.taskId);
  }
  return explained;
}
