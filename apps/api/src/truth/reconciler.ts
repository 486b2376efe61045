import { Duty } from '../duty/duty.js';
import type { DutyLease } from '../duty/duty-lease.js';
import type { Reconciliation } from './reconciliation.js';

/** Between two looks, milliseconds: what two looks agree on is no moment between two writes. */
const ROUND_MS = 2500;

/** Repairs what does not agree between the records of tasks, their jobs and the list of open tasks. Of all api processes one does it at a time. */
export class Reconciler extends Duty {
  constructor(lease: Pick<DutyLease, 'hold' | 'letGo'>, begin: () => Reconciliation, roundMs = ROUND_MS) {
    super(lease, begin, { name: 'Truth', roundMs, does: 'repairs what does not agree between records and queues', failure: 'records and queues could not be compared' });
  }
}
