/**
 * Since when no host has been there that could run what waits.
 *
 * Owns a moment for each demand of which that is so. A host that has left tells when: it was heard of last. Where it is not
 * a host's leaving, it is the moment at which it was seen first, so that whoever tells the queue's story anew gives every
 * task its time again rather than cut it short.
 */
import { couldEverRun, toJobDemand, type ResourceDemand } from '@function-runner/scheduling';
import type { HostFacts } from '@function-runner/task-store';
import { emptyHost } from '../hosts/judge-capability.js';

export class HopelessDemands {
  private since = new Map<string, number>();

  /** Takes in the demands of all that waits, and the hosts as they are now. */
  update(demands: Iterable<ResourceDemand>, hosts: readonly HostFacts[], now: number): void {
    const live = hosts.filter(({ alive }) => alive).map(emptyHost);
    const since = new Map<string, number>();
    const seen = new Set<string>();
    for (const demand of demands) {
      const key = textOf(demand);
      if (seen.has(key)) continue;
      seen.add(key);
      if (!couldEverRun(demand, live).able) since.set(key, this.since.get(key) ?? lastHeardOf(demand, hosts) ?? now);
    }
    this.since = since;
  }

  /** Milliseconds since the epoch; undefined where some host that lives could run it, or nothing of it waits. */
  sinceOf(demand: ResourceDemand): number | undefined {
    return this.since.size === 0 ? undefined : this.since.get(textOf(demand));
  }
}

/** The same for the same demand, and for no other. */
function textOf(demand: ResourceDemand): string {
  return JSON.stringify(toJobDemand(demand));
}

/** When a host that could run it, and is away, was heard of last. */
function lastHeardOf(demand: ResourceDemand, hosts: readonly HostFacts[]): number | undefined {
  const times = hosts.filter((host) => !host.alive && couldEverRun(demand, [emptyHost(host)]).able).map(({ seenAt }) => seenAt);
  return times.length === 0 ? undefined : Math.max(...times);
}
