import type { HostState } from './cluster-state.js';
import { findPlace, type Fit, type TaskToPlace } from './find-place.js';
import type { Placement } from './placement.js';
import { whyNot } from './why-not.js';

/** Where a task is to run, or why it must wait. Of places that are equal, the first of the hosts and devices as given. */
export function place(task: TaskToPlace, hosts: readonly HostState[], fit: Fit = 'best'): Placement {
  return findPlace(task, hosts, fit) ?? { kind: 'wait', reason: whyNot(task, hosts) };
}
