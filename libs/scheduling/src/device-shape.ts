import type { HostState } from './cluster-state.js';
import type { ResourceDemand } from './resource-demand.js';

/** So many devices of one host, with so many bytes of each. */
export interface DeviceShape {
  count: number;
  bytes: number;
}

/**
 * The ways in which a demand may be met on devices, the wanted one first. One that is splittable is split only where no
 * device is big enough for all of it (else it waits for that one: parts that talk to each other are slower), and then
 * evenly over as few devices as a host can do it with. Empty where no host has what it takes.
 */
export function deviceShapes({ gpus, vramBytes, splittable }: ResourceDemand, hosts: readonly HostState[]): DeviceShape[] {
  if (gpus === 0) return [];
  const whole = { count: gpus, bytes: vramBytes };
  if (hosts.some((host) => canHold(host, whole))) return [whole];
  if (!splittable) return [];
  const most = Math.max(0, ...hosts.map(({ devices }) => devices.length));
  return Array.from({ length: Math.max(0, most - 1) }, (_, index) => ({ count: index + 2, bytes: Math.ceil(vramBytes / (index + 2)) })).filter((shape) => hosts.some((host) => canHold(host, shape)));
}

/** Whether a host's devices are big and many enough, whatever is leased of them. */
export function canHold({ devices }: HostState, { count, bytes }: DeviceShape): boolean {
  let big = 0;
  for (const { total } of devices) if (total > 0 && total >= bytes) big += 1;
  return big >= count;
}
