import { TaskError } from '@function-runner/task-contract';
import type { HeldLease } from '../lease/held-lease.js';
import type { LeaseKeeper } from '../lease/lease-keeper.js';
import { elapse } from './elapse.js';

/** Between two questions that Redis refuses to answer (it is full, loading, a replica), milliseconds. */
const ASK_AGAIN_MS = 500;

/**
 * The last moment before something runs on the lease; waits for a Redis that cannot say, since that is no fault of the run's.
 * @throws TaskError where the lease went to others, as after this process was frozen | the reason of the signal
 */
export async function confirmLease(leases: Pick<LeaseKeeper, 'confirm'>, lease: HeldLease, signal: AbortSignal): Promise<void> {
  for (;;) {
    const isOurs = await leases.confirm(lease).catch(() => undefined);
    if (isOurs === true) return;
    if (isOurs === false) throw new TaskError('INTERNAL', 'the lease of what the task needs was lost before its container started; start the node again');
    await elapse(ASK_AGAIN_MS, signal);
    signal.throwIfAborted();
  }
}
