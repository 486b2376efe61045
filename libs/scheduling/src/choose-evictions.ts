import type { HostState, WarmContainer } from './cluster-state.js';
import { capacityOf } from './host-capacity.js';

/**
 * The idle containers of a host that must end so that it has so much free: the least recently used first, and none that
 * need not; none at all where it has. Undefined where it would not have it if all of them ended, but for those that the
 * operator wants to be kept.
 */
export function chooseEvictions(host: HostState, needs: Readonly<Record<string, number>>): readonly WarmContainer[] | undefined {
  const short = new Map<string, number>();
  for (const [resource, amount] of Object.entries(needs)) {
    const capacity = capacityOf(host, resource);
    if (capacity === undefined) return undefined;
    const missing = amount - (capacity.total - capacity.leased);
    if (missing > 0) short.set(resource, missing);
  }
  if (short.size === 0) return [];
  const frees = ({ amounts }: WarmContainer): boolean => [...short.keys()].some((resource) => (amounts[resource] ?? 0) > 0);
  const idle = host.warm.filter((container) => !container.pinned && frees(container)).sort(isLongerIdle);
  const chosen: WarmContainer[] = [];
  for (const container of idle) {
    chosen.push(container);
    if (suffices(chosen, short)) return withoutSpare(chosen, short);
  }
  return undefined;
}

/** Drops whatever is not needed after all, what was used last first: a small one may have been chosen before a big one that suffices. */
function withoutSpare(chosen: readonly WarmContainer[], short: ReadonlyMap<string, number>): readonly WarmContainer[] {
  let kept = chosen;
  for (const container of [...chosen].reverse()) {
    const others = kept.filter((other) => other !== container);
    if (suffices(others, short)) kept = others;
  }
  return kept;
}

function suffices(ended: readonly WarmContainer[], short: ReadonlyMap<string, number>): boolean {
  for (const [resource, missing] of short) {
    let freed = 0;
    for (const { amounts } of ended) freed += amounts[resource] ?? 0;
    if (freed < missing) return false;
  }
  return true;
}

function isLongerIdle(a: WarmContainer, b: WarmContainer): number {
  return a.idleSince - b.idleSince || (a.leaseId < b.leaseId ? -1 : 1);
}
