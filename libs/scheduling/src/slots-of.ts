import type { HostState } from './cluster-state.js';
import { canHold, deviceShapes } from './device-shape.js';
import { hostAmounts } from './find-place.js';
import type { ResourceDemand } from './resource-demand.js';

/** How many tasks of a demand the hosts could run at once if nothing else ran there; infinite for a demand of nothing. */
export function slotsOf(demand: ResourceDemand, hosts: readonly HostState[]): number {
  return hosts.reduce((slots, host) => slots + (demand.gpus > 0 ? onDevices(demand, host, hosts) : onHost(demand, host)), 0);
}

function onDevices(demand: ResourceDemand, host: HostState, hosts: readonly HostState[]): number {
  const shape = deviceShapes(demand, hosts).find((candidate) => canHold(host, candidate));
  if (shape === undefined) return 0;
  const shares = host.devices.reduce((sum, { total }) => sum + (total > 0 ? wholes(total, shape.bytes) : 0), 0);
  return Math.floor(shares / shape.count);
}

function onHost(demand: ResourceDemand, host: HostState): number {
  if (host.cpu.total === 0 || host.memory.total === 0) return 0;
  const { cpu, memory } = hostAmounts(demand, host);
  return Math.min(wholes(host.cpu.total, cpu ?? 0), wholes(host.memory.total, memory ?? 0));
}

function wholes(total: number, part: number): number {
  return part === 0 ? Number.POSITIVE_INFINITY : Math.floor(total / part);
}
