import type { HostState } from './cluster-state.js';
import { couldEverRun } from './could-ever-run.js';
import { deviceShapes } from './device-shape.js';
import { findPlace, hostAmounts, type TaskToPlace } from './find-place.js';
import { freeInAll, isOpenTo } from './host-capacity.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import type { WaitReason } from './wait-reason.js';

/** Why a task that has no place now has none, with the host that comes closest to having one. */
export function whyNot(task: TaskToPlace, hosts: readonly HostState[]): WaitReason {
  if (hosts.length === 0) return { kind: 'no-host' };
  const ability = couldEverRun(task.demand, hosts);
  if (!ability.able) return { kind: 'no-capable-host', detail: ability.why };
  const unreserved = hosts.map(withoutReservations);
  const freed = findPlace(task, unreserved);
  const kept = hosts.find(({ hostId }) => hostId === freed?.hostId);
  if (kept !== undefined) return { kind: 'reserved', resource: task.demand.gpus > 0 ? 'gpu' : 'memory', hostId: kept.hostId, hostName: kept.name };
  const closest = task.demand.gpus > 0 ? closestDevices : closestHost;
  return closest(task, hosts) ?? closest(task, unreserved) ?? { kind: 'no-capable-host', detail: 'no host takes it' };
}

function withoutReservations(host: HostState): HostState {
  const { cpu, memory, devices } = host;
  return { ...host, cpu: { total: cpu.total, leased: cpu.leased }, memory: { total: memory.total, leased: memory.leased }, devices: devices.map(({ id, name, total, leased }) => ({ id, name, total, leased })) };
}

function closestDevices({ taskId, demand }: TaskToPlace, hosts: readonly HostState[]): WaitReason | undefined {
  const [shape] = deviceShapes(demand, hosts);
  if (shape === undefined) return undefined;
  let closest: { host: HostState; missing: number } | undefined;
  for (const host of hosts) {
    const missing = host.devices.filter((device) => isOpenTo(taskId, device) && device.total >= shape.bytes).map((device) => Math.max(0, shape.bytes - freeInAll(host, gpuResource(device.id), device))).sort((a, b) => a - b);
    if (missing.length < shape.count) continue;
    const sum = missing.slice(0, shape.count).reduce((total, bytes) => total + bytes, 0);
    if (closest === undefined || sum < closest.missing) closest = { host, missing: sum };
  }
  return closest && { kind: 'capacity', resource: 'gpu', needed: shape.bytes, gpus: shape.count, hostId: closest.host.hostId, hostName: closest.host.name };
}

function closestHost({ taskId, demand }: TaskToPlace, hosts: readonly HostState[]): WaitReason | undefined {
  let closest: { host: HostState; resource: 'cpu' | 'memory'; needed: number; missing: number } | undefined;
  for (const host of hosts) {
    if (!isOpenTo(taskId, host.cpu) || !isOpenTo(taskId, host.memory) || host.memory.total < demand.memoryBytes) continue;
    const amounts = hostAmounts(demand, host);
    const [cores, memory] = [{ resource: CPU, capacity: host.cpu }, { resource: MEMORY, capacity: host.memory }].map(({ resource, capacity }) => {
      const needed = amounts[resource] ?? 0;
      // Cores and bytes are compared by the part of the need that is missing.
      return { needed, missing: needed === 0 ? 0 : Math.max(0, needed - freeInAll(host, resource, capacity)) / needed };
    });
    if (cores === undefined || memory === undefined) continue;
    const [resource, worse] = cores.missing > memory.missing ? (['cpu', cores] as const) : (['memory', memory] as const);
    if (closest === undefined || worse.missing < closest.missing) closest = { host, resource, ...worse };
  }
  return closest && { kind: 'capacity', resource: closest.resource, needed: closest.needed, gpus: 0, hostId: closest.host.hostId, hostName: closest.host.name };
}
