import type { HostState } from './cluster-state.js';
import { canHold, deviceShapes } from './device-shape.js';
import type { ResourceDemand } from './resource-demand.js';
import { CPU, MEMORY, deviceOf, gpuResource } from './resource-id.js';

/** What was started, and what it has. */
export interface StartedTask {
  demand: ResourceDemand;
  hostId: string;
  resources: readonly string[];
}

/**
 * Whether a start took something that a waiting task of this demand waits for: it needs more than what was started, so it
 * did not fit where that fits, and might have it one day.
 */
export function passesBy(waiting: ResourceDemand, started: StartedTask, hosts: readonly HostState[]): boolean {
  const host = hosts.find(({ hostId }) => hostId === started.hostId);
  if (host === undefined) return false;
  const { demand, resources } = started;
  if (waiting.gpus === 0) {
    const needsMore = waiting.cpuMillis > demand.cpuMillis || waiting.memoryBytes > demand.memoryBytes;
    return needsMore && host.memory.total >= waiting.memoryBytes && (resources.includes(CPU) || resources.includes(MEMORY));
  }
  const devices = resources.filter((resource) => deviceOf(resource) !== undefined).length;
  const share = demand.splittable && devices > 1 ? Math.ceil(demand.vramBytes / devices) : demand.vramBytes;
  const shapes = deviceShapes(waiting, hosts);
  return (
    shapes.every(({ count, bytes }) => count > devices || bytes > share) &&
    shapes.some((shape) => canHold(host, shape) && host.devices.some(({ id, total }) => total >= shape.bytes && resources.includes(gpuResource(id))))
  );
}
