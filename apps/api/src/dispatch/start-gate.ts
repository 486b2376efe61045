/**
 * Bounds how many starts of one project are under way at once, so that one that floods the door costs the others nothing:
 * what is beyond the bound is refused before Redis hears of it.
 *
 * Owns the counts of this process; each api has its own. A batch counts as one, since it dispatches its items in turns.
 */
import { TaskError } from '@function-runner/task-contract';

/**
 * Starts of a project that may be under way. A start takes some milliseconds, so that a client that waits for its answers is far
 * below; and so many share a round trip to Redis without delaying anybody by more than those milliseconds.
 */
const MOST_AT_ONCE = 100;

/** When to try again: some round trips later, milliseconds. */
const RETRY_AFTER_MS = 250;

export class StartGate {
  private readonly underWay = new Map<string, number>();

  /** Does `work` as a start of the project. @throws TaskError RATE_LIMITED, with `details.retryAfterMs`, or what `work` throws */
  async pass<T>(projectId: string, work: () => Promise<T>): Promise<T> {
    const before = this.underWay.get(projectId) ?? 0;
    if (before >= MOST_AT_ONCE) {
      throw new TaskError('RATE_LIMITED', `${MOST_AT_ONCE} starts of the project "${projectId}" are under way; wait for their answers, then send this one again`, { limit: MOST_AT_ONCE, retryAfterMs: RETRY_AFTER_MS });
    }
    this.underWay.set(projectId, before + 1);
    try {
      return await work();
    } finally {
      const left = (this.underWay.get(projectId) ?? 1) - 1;
      if (left > 0) this.underWay.set(projectId, left);
      else this.underWay.delete(projectId);
    }
  }
}
