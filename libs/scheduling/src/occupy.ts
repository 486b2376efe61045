import type { Capacity, HostState } from './cluster-state.js';
import type { Placed } from './placement.js';
import { CPU, MEMORY, deviceOf, gpuResource } from './resource-id.js';

/** A host once a task was placed there: what it leases is leased, what ends for it is gone, and its warm container is in use. */
export function occupy(host: HostState, { amounts, warm, evict }: Placed): HostState {
  const change = (resource: string): number => (amounts[resource] ?? 0) - evict.reduce((freed, ended) => freed + (ended.amounts[resource] ?? 0), 0);
  const lease = <C extends Capacity>(capacity: C, resource: string): C => {
    const by = change(resource);
    return by === 0 ? capacity : { ...capacity, leased: capacity.leased + by };
  };
  const gone = new Set([...evict, ...(warm === undefined ? [] : [warm])].map(({ leaseId }) => leaseId));
  return {
    ...host,
    cpu: lease(host.cpu, CPU),
    memory: lease(host.memory, MEMORY),
    devices: host.devices.map((device) => lease(device, gpuResource(device.id))),
    warm: gone.size === 0 ? host.warm : host.warm.filter(({ leaseId }) => !gone.has(leaseId)),
  };
}

/** A host once some of its resources are kept for a task. */
export function reserve(host: HostState, resources: readonly string[], taskId: string): HostState {
  const devices = new Set(resources.map(deviceOf));
  return {
    ...host,
    cpu: resources.includes(CPU) ? { ...host.cpu, reservedFor: taskId } : host.cpu,
    memory: resources.includes(MEMORY) ? { ...host.memory, reservedFor: taskId } : host.memory,
    devices: host.devices.map((device) => (devices.has(device.id) ? { ...device, reservedFor: taskId } : device)),
  };
}
