import type { FinishOutcome } from '@function-runner/task-store';
import type { Logger } from '../logging/logger.js';
import { elapse } from './elapse.js';
import { stopReason } from './stop-reason.js';

/** Between two tries to write an end that Redis refuses. */
const RETRY_MS = 1000;

/**
 * Writes a task's end, again and again while Redis refuses it (full, read-only after a failover, loading): a take
 * that is published must not be lost for want of one line. Ends when it is written, or when the attempt is
 * superseded or the worker drains: the next attempt finds the take and reports it.
 */
export async function finishDurably(finish: () => Promise<FinishOutcome>, signal: AbortSignal, logger: Logger): Promise<FinishOutcome> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await finish();
    } catch (error) {
      if (tries > 1 && othersCarryOn(signal)) throw error;
      logger.warn({ err: error, tries }, 'the task’s end cannot be written yet');
      await elapse(RETRY_MS, signal);
    }
  }
}

/** After a cancel or a time-out nobody else would write the end. */
function othersCarryOn(signal: AbortSignal): boolean {
  return signal.aborted && ['superseded', 'drain'].includes(stopReason(signal).kind);
}
