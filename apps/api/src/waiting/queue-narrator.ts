import { Duty } from '../duty/duty.js';
import type { DutyLease } from '../duty/duty-lease.js';
import type { Narration } from './narration.js';

/** Between two rounds, milliseconds: how late news is at most where there is little of it. */
const ROUND_MS = 500;

/**
 * Tells the queue's story: clients whose tasks wait hear where they stand, why, and for how long; a task that nobody could
 * run is given up in the end. Of all api processes one does it at a time.
 */
export class QueueNarrator extends Duty {
  constructor(lease: Pick<DutyLease, 'hold' | 'letGo'>, begin: () => Narration) {
    super(lease, begin, { name: 'Narrator', roundMs: ROUND_MS, does: 'tells waiting tasks where they stand', failure: 'the waiting tasks could not be told where they stand' });
  }
}
