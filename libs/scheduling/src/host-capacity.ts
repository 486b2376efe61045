import type { Capacity, HostState } from './cluster-state.js';
import { CPU, MEMORY, deviceOf, gpuResource } from './resource-id.js';

/** No task has this id: what is open to it is open to any. */
export const ANYBODY = '';

/** A resource of a host; undefined for one that it has not. */
export function capacityOf(host: HostState, resource: string): Capacity | undefined {
  if (resource === CPU) return host.cpu;
  if (resource === MEMORY) return host.memory;
  const deviceId = deviceOf(resource);
  return host.devices.find(({ id }) => id === deviceId);
}

/** Whether a task may have a part of it: it is there, takes something new, and is not kept for another task. */
export function isOpenTo(taskId: string, capacity: Capacity | undefined): boolean {
  return capacity !== undefined && capacity.total > 0 && (capacity.reservedFor === undefined || capacity.reservedFor === taskId);
}

/** What idle containers of a host hold of a resource: those that may be ended for another task, or those that may not. */
export function idleHold({ warm }: HostState, resource: string, pinned: boolean): number {
  let held = 0;
  for (const container of warm) if (container.pinned === pinned) held += container.amounts[resource] ?? 0;
  return held;
}

/** What is free of a host's resource, or would be if idle containers were ended. */
export function freeInAll(host: HostState, resource: string, { total, leased }: Capacity): number {
  return total - leased + idleHold(host, resource, false);
}

/** A host's resources, by name. */
export function* resourcesOf(host: HostState): IterableIterator<[resource: string, capacity: Capacity]> {
  yield [CPU, host.cpu];
  yield [MEMORY, host.memory];
  for (const device of host.devices) yield [gpuResource(device.id), device];
}

/** The tasks that have something reserved. */
export function reservingTasks(hosts: readonly HostState[]): Set<string> {
  const tasks = new Set<string>();
  for (const host of hosts) for (const [, { reservedFor }] of resourcesOf(host)) if (reservedFor !== undefined) tasks.add(reservedFor);
  return tasks;
}
