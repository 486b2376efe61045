import type { Logger } from '../logging/logger.js';
import { elapse } from './elapse.js';
import { stopReason } from './stop-reason.js';

/** Between two tries to write what Redis refuses. */
const RETRY_MS = 1000;

/**
 * Writes what becomes of an attempt (its end, or its return to the queue), again and again while Redis refuses it (full,
 * read-only after a failover, loading): a take that is published must not be lost for want of one line. Ends when it is
 * written, or when others carry on anyway, since the task is another worker's or this one ends: the next attempt finds the
 * take and reports it. @throws what Redis said last
 */
export async function writeDurably<T>(write: () => Promise<T>, signal: AbortSignal, logger: Logger): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await write();
    } catch (error) {
      if (tries > 1 && othersCarryOn(signal)) throw error;
      logger.warn({ err: error, tries }, 'what became of the attempt cannot be written yet');
      await elapse(RETRY_MS, signal);
    }
  }
}

/** After a cancel or a time-out nobody else would write the end. */
function othersCarryOn(signal: AbortSignal): boolean {
  return signal.aborted && !['cancel', 'timeout'].includes(stopReason(signal).kind);
}
