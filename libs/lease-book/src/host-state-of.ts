import { CPU, deviceOf, gpuResource, MEMORY, type Capacity, type HostState, type WarmContainer } from '@function-runner/scheduling';
import type { BookState } from './book-state.js';
import type { Lease } from './lease.js';

/** Who a host is; what it has stands in its book. */
export interface HostIdentity {
  hostId: string;
  name: string;
  /** Names of its devices, as people know them. */
  devices: readonly { id: string; name: string }[];
}

/** The host as placement sees it, from its book. Pure. */
export function hostStateOf({ hostId, name, devices }: HostIdentity, book: Pick<BookState, 'totals' | 'leased' | 'reserved' | 'leases'>): HostState {
  const capacity = (resource: string): Capacity => ({
    total: book.totals[resource] ?? 0,
    leased: book.leased[resource] ?? 0,
    ...(book.reserved[resource] === undefined ? {} : { reservedFor: book.reserved[resource].taskId }),
  });
  const nameOf = (id: string): string => devices.find((device) => device.id === id)?.name ?? id;
  const known = new Set([...Object.keys(book.totals), ...Object.keys(book.leased)].flatMap((resource) => deviceOf(resource) ?? []));
  return {
    hostId, name,
    devices: [...known].sort().map((id) => ({ id, name: nameOf(id), ...capacity(gpuResource(id)) })),
    cpu: capacity(CPU),
    memory: capacity(MEMORY),
    // An expired one's worker is perhaps gone, and so nobody to give it a task.
    warm: book.leases.flatMap((lease) => (lease.purpose === 'warm' && !lease.expired ? [warmContainerOf(lease)] : [])),
  };
}

function warmContainerOf({ id, holder, pipelineId, projectId, amounts, facts = {} }: Lease): WarmContainer {
  return {
    leaseId: id, workerId: holder, pipelineId, amounts,
    // The lease tells whose project it was started for; the facts, whether any other may use it.
    projectId: facts['shareable'] === true ? undefined : projectId,
    devices: Object.keys(amounts).flatMap((resource) => deviceOf(resource) ?? []),
    idleSince: Number(facts['idleSince'] ?? 0),
    pinned: facts['pinned'] === true,
  };
}
