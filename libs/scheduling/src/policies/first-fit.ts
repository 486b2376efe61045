import { Round } from '../round.js';
import type { Policy } from './policy.js';
import { startOldest } from './start-oldest.js';

/** Any task that fits, the oldest first, on the first device that has room: keeps devices busy, and lets big tasks starve. */
export const firstFit: Policy = {
  name: 'first-fit',
  decide: (line, cluster, { most, canUse }) => ({ starts: startOldest(line.groups(), new Round(cluster, canUse, 'first'), most, false), reservations: [] }),
};
