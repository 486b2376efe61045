import type { HostState } from './cluster-state.js';
import { deviceShapes } from './device-shape.js';
import { hostAmounts, type TaskToPlace } from './find-place.js';
import { freeInAll, idleHold, isOpenTo } from './host-capacity.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import type { WaitingTask } from './waiting-task.js';

/** What is kept free for a task that was passed over for too long: nobody else gets a new part of it. */
export interface Reservation {
  task: WaitingTask;
  hostId: string;
  resources: readonly string[];
}

/**
 * What to keep for a task that has no place now: what it has reserved already, else what will fit it soonest, which is
 * where the least is missing. Nothing is kept for two tasks, and nothing where a container that the operator wants warm
 * would be in the way for ever. Undefined where nothing is left to be kept.
 */
export function chooseReservation(task: TaskToPlace, hosts: readonly HostState[]): Keepable | undefined {
  const options = task.demand.gpus > 0 ? deviceOptions(task, hosts) : hostOptions(task, hosts);
  let best: Keepable | undefined;
  for (const option of options) if (best === undefined || option.own > best.own || (option.own === best.own && option.missing < best.missing)) best = option;
  return best;
}

/** Resources that may be kept for a task. */
export interface Keepable {
  hostId: string;
  resources: readonly string[];
  /** How many of them the task has reserved already. */
  own: number;
  /** What would have to become free. */
  missing: number;
}

function* deviceOptions({ taskId, demand }: TaskToPlace, hosts: readonly HostState[]): IterableIterator<Keepable> {
  for (const { count, bytes } of deviceShapes(demand, hosts)) {
    let found = false;
    for (const host of hosts) {
      const devices: { resource: string; total: number; own: number; missing: number }[] = [];
      for (const device of host.devices) {
        const resource = gpuResource(device.id);
        if (device.total < bytes || !isOpenTo(taskId, device) || device.total - idleHold(host, resource, true) < bytes) continue;
        devices.push({ resource, total: device.total, own: device.reservedFor === taskId ? 1 : 0, missing: Math.max(0, bytes - freeInAll(host, resource, device)) });
      }
      if (devices.length < count) continue;
      found = true;
      const chosen = devices.sort((a, b) => b.own - a.own || a.missing - b.missing || a.total - b.total).slice(0, count);
      yield { hostId: host.hostId, resources: chosen.map(({ resource }) => resource), own: sum(chosen.map(({ own }) => own)), missing: sum(chosen.map(({ missing }) => missing)) };
    }
    if (found) return;
  }
}

function* hostOptions({ taskId, demand }: TaskToPlace, hosts: readonly HostState[]): IterableIterator<Keepable> {
  for (const host of hosts) {
    if (!isOpenTo(taskId, host.cpu) || !isOpenTo(taskId, host.memory)) continue;
    const amounts = hostAmounts(demand, host);
    const needs = [{ resource: CPU, capacity: host.cpu }, { resource: MEMORY, capacity: host.memory }].map(({ resource, capacity }) => ({ resource, capacity, amount: amounts[resource] ?? 0 }));
    if (needs.some(({ resource, capacity, amount }) => capacity.total - idleHold(host, resource, true) < amount)) continue;
    // Cores and bytes are added up as parts of the need.
    const missing = sum(needs.map(({ resource, capacity, amount }) => (amount === 0 ? 0 : Math.max(0, amount - freeInAll(host, resource, capacity)) / amount)));
    yield { hostId: host.hostId, resources: [CPU, MEMORY], own: host.memory.reservedFor === taskId ? 1 : 0, missing };
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
