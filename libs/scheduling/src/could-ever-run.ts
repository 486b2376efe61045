import type { DeviceState, HostState } from './cluster-state.js';
import { deviceShapes } from './device-shape.js';
import type { ResourceDemand } from './resource-demand.js';
import { bytesInWords } from './sizes-in-words.js';

/** Whether something is possible; if not, what is needed and the most there is. */
export type Ability = { able: true } | { able: false; why: string };

/** Whether some host is big enough for a demand, whatever is leased or reserved there now. */
export function couldEverRun(demand: ResourceDemand, hosts: readonly HostState[]): Ability {
  if (demand.gpus === 0) return hosts.some(({ cpu, memory }) => cpu.total > 0 && memory.total > 0 && memory.total >= demand.memoryBytes) ? { able: true } : { able: false, why: tooLittleMemory(demand, hosts) };
  return deviceShapes(demand, hosts).length > 0 ? { able: true } : { able: false, why: tooFewDevices(demand, hosts) };
}

function tooLittleMemory({ memoryBytes }: ResourceDemand, hosts: readonly HostState[]): string {
  const largest = hosts.reduce<HostState | undefined>((most, host) => (most === undefined || host.memory.total > most.memory.total ? host : most), undefined);
  const need = `needs ${bytesInWords(memoryBytes)} of memory`;
  return largest === undefined || largest.memory.total === 0 ? `${need}; no host takes any task` : `${need}; the largest host, ${largest.name}, has ${bytesInWords(largest.memory.total)}`;
}

function tooFewDevices({ gpus, vramBytes, splittable }: ResourceDemand, hosts: readonly HostState[]): string {
  const size = bytesInWords(vramBytes);
  const need = gpus > 1 ? `needs ${gpus} GPUs with ${size} each on one host` : `needs ${size} on one GPU${splittable ? ' or over several of one host' : ''}`;
  let largest: { device: DeviceState; host: HostState } | undefined;
  let most = 0;
  for (const host of hosts) {
    const devices = host.devices.filter(({ total }) => total > 0);
    most = Math.max(most, devices.filter(({ total }) => total >= vramBytes).length);
    for (const device of devices) if (largest === undefined || device.total > largest.device.total) largest = { device, host };
  }
  if (largest === undefined) return `${need}; there is no GPU`;
  if (gpus > 1 && most > 0) return `${need}; the most that a host has is ${most}`;
  return `${need}; the largest there is (${largest.device.name} on host ${largest.host.name}) has ${bytesInWords(largest.device.total)}`;
}
