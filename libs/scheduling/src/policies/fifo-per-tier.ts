import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { Round } from '../round.js';
import type { Start } from '../schedule.js';
import type { Policy } from './policy.js';
import { startOldest } from './start-oldest.js';

/**
 * What plain queues do: each tier's tasks strictly one after another, the dearest tier first, on the first device that has
 * room. Nobody starves, and a task that does not fit holds up its whole tier.
 */
export const fifoPerTier: Policy = {
  name: 'fifo-per-tier',
  decide: (line, cluster, { most, canUse }) => {
    const round = new Round(cluster, canUse, 'first');
    const groups = [...line.groups()];
    const starts: Start[] = [];
    for (const tier of [...QUALITY_TIERS].reverse()) {
      if (round.isFull(tier)) continue;
      starts.push(...startOldest(groups.filter((group) => group.tier === tier), round, most - starts.length, true));
    }
    return { starts, reservations: [] };
  },
};
