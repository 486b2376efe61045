import type { ResourceDemand } from './resource-demand.js';

/** The same text for the same demand, and for no other. */
export function demandKey({ gpus, vramBytes, splittable, cpuMillis, memoryBytes }: ResourceDemand): string {
  return `${gpus}x${vramBytes}${splittable ? 's' : ''},${cpuMillis},${memoryBytes}`;
}
