import { Round } from '../round.js';
import type { Policy } from './policy.js';
import { startOldest } from './start-oldest.js';

/** Any task that fits, the oldest first, on the first device that has room: keeps devices busy, and lets big tasks starve. */
export const firstFit: Policy = {
  name: 'first-fit',
  decide: (line, cluster, { most, canUse }) => {
    const round = new Round(cluster, canUse, 'first');
    return { starts: round.mayAnyGo(line) ? startOldest(line.groups(), round, most, false) : [], reservations: [] };
  },
};
