import type { ClusterState } from '../cluster-state.js';
import type { Schedule, ScheduleOptions } from '../schedule.js';
import type { WaitingLine } from '../waiting-line.js';

/** A way to decide what to start, for comparison. */
export interface Policy {
  name: string;
  decide: (line: WaitingLine, cluster: ClusterState, options: ScheduleOptions) => Pick<Schedule, 'starts' | 'reservations'>;
}
