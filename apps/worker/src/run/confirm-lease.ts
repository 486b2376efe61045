import { TaskError } from '@function-runner/task-contract';
import type { HeldLease } from '../lease/held-lease.js';
import type { LeaseKeeper } from '../lease/lease-keeper.js';

/** The last moment before something runs on the lease. @throws TaskError where it went to others, as after this process was frozen */
export async function confirmLease(leases: LeaseKeeper, lease: HeldLease): Promise<void> {
  if (!(await leases.confirm(lease))) throw new TaskError('INTERNAL', 'the lease of what the task needs was lost before its container started; start the node again');
}
