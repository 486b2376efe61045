import type { DeviceState, HostState, WarmContainer } from './cluster-state.js';
import { chooseEvictions } from './choose-evictions.js';
import { deviceShapes, type DeviceShape } from './device-shape.js';
import { capacityOf, isOpenTo } from './host-capacity.js';
import type { Placed } from './placement.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import type { WaitingTask } from './waiting-task.js';

/** What placing a task needs to know of it. */
export type TaskToPlace = Pick<WaitingTask, 'taskId' | 'projectId' | 'pipelineId' | 'demand'>;

/** Among places that would do: the smallest, so that big ones stay free for what fits nowhere else; or whichever is found first. */
export type Fit = 'best' | 'first';

/**
 * Where a task is to run: in a container that is warm for it; else where it fits; else where it fits once idle containers
 * have ended, as few as may be. What is reserved for another task is as if it were not there. Undefined where it must wait.
 */
export function findPlace(task: TaskToPlace, hosts: readonly HostState[], fit: Fit = 'best'): Placed | undefined {
  const spots = task.demand.gpus > 0 ? deviceSpots : hostSpots;
  const found = warmPlace(task, hosts) ?? choose(spots(task, hosts, { fit, ending: false }), fit);
  return found === undefined && hosts.some(({ warm }) => warm.length > 0) ? choose(spots(task, hosts, { fit, ending: true }), fit) : found;
}

/** A container that waits for just such a task: rather one that may serve nobody else, and of those the one used last. */
export function warmPlace({ taskId, pipelineId, projectId }: TaskToPlace, hosts: readonly HostState[]): Placed | undefined {
  let best: { host: HostState; warm: WarmContainer } | undefined;
  for (const host of hosts) {
    for (const warm of host.warm) {
      if (warm.pipelineId !== pipelineId || (warm.projectId !== undefined && warm.projectId !== projectId)) continue;
      // What it holds may be wanted by a task that was passed over for too long, or is to take nothing new.
      if (!Object.keys(warm.amounts).every((resource) => isOpenTo(taskId, capacityOf(host, resource)))) continue;
      if (best === undefined || suitsBetter(warm, best.warm)) best = { host, warm };
    }
  }
  return best && { kind: 'placed', hostId: best.host.hostId, devices: best.warm.devices, amounts: {}, warm: best.warm, evict: [] };
}

function suitsBetter(a: WarmContainer, b: WarmContainer): boolean {
  if ((a.projectId === undefined) !== (b.projectId === undefined)) return b.projectId === undefined;
  return a.idleSince > b.idleSince || (a.idleSince === b.idleSince && a.leaseId < b.leaseId);
}

interface Search {
  fit: Fit;
  /** Whether idle containers may be ended. */
  ending: boolean;
}

/** A place that would do, and what tells it from others: smallest first, compared one number after another. */
interface Spot {
  placed: Placed;
  size: readonly number[];
}

function choose(spots: Iterable<Spot>, fit: Fit): Placed | undefined {
  let best: Spot | undefined;
  for (const spot of spots) {
    if (fit === 'first') return spot.placed;
    if (best === undefined || isSmaller(spot.size, best.size)) best = spot;
  }
  return best?.placed;
}

function isSmaller(a: readonly number[], b: readonly number[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}

function* deviceSpots({ taskId, demand }: TaskToPlace, hosts: readonly HostState[], search: Search): IterableIterator<Spot> {
  for (const shape of deviceShapes(demand, hosts)) {
    let found = false;
    for (const host of hosts) {
      const spot = devicesOf(host, shape, taskId, search);
      if (spot === undefined) continue;
      found = true;
      yield spot;
    }
    // More devices than needed only where fewer will not do.
    if (found) return;
  }
}

/** The devices of a host that fit, if enough of them do. */
function devicesOf(host: HostState, { count, bytes }: DeviceShape, taskId: string, { fit, ending }: Search): Spot | undefined {
  const fitting: { device: DeviceState; ended: readonly WarmContainer[] }[] = [];
  for (const device of host.devices) {
    if (!isOpenTo(taskId, device) || device.total < bytes) continue;
    if (device.total - device.leased >= bytes) fitting.push({ device, ended: [] });
    else if (ending) {
      const ended = chooseEvictions(host, { [gpuResource(device.id)]: bytes });
      if (ended !== undefined) fitting.push({ device, ended });
    }
  }
  if (fitting.length < count) return undefined;
  if (fit === 'best') fitting.sort((a, b) => a.ended.length - b.ended.length || a.device.total - b.device.total || lastUse(a.ended) - lastUse(b.ended) || b.device.leased - a.device.leased);
  const devices = fitting.slice(0, count).map(({ device }) => device);
  const amounts = Object.fromEntries(devices.map(({ id }) => [gpuResource(id), bytes]));
  const evict = ending ? chooseEvictions(host, amounts) : [];
  if (evict === undefined) return undefined;
  let total = 0;
  let leased = 0;
  for (const device of devices) {
    total += device.total;
    leased += device.leased;
  }
  return { placed: { kind: 'placed', hostId: host.hostId, devices: devices.map(({ id }) => id), amounts, evict }, size: [evict.length, total, lastUse(evict), total - leased] };
}

function* hostSpots({ taskId, demand }: TaskToPlace, hosts: readonly HostState[], { ending }: Search): IterableIterator<Spot> {
  for (const host of hosts) {
    const { cpu, memory } = host;
    if (!isOpenTo(taskId, cpu) || !isOpenTo(taskId, memory)) continue;
    const amounts = hostAmounts(demand, host);
    const evict = chooseEvictions(host, amounts);
    if (evict === undefined || (evict.length > 0 && !ending)) continue;
    yield { placed: { kind: 'placed', hostId: host.hostId, devices: [], amounts, evict }, size: [evict.length, memory.total, lastUse(evict), memory.total - memory.leased, cpu.total - cpu.leased] };
  }
}

/** When the last used of some idle containers was used. */
function lastUse(containers: readonly WarmContainer[]): number {
  let last = 0;
  for (const { idleSince } of containers) if (idleSince > last) last = idleSince;
  return last;
}

/** Cores and memory that a task holds on a host. Of more cores than there are it gets all: it is slower, not broken. */
export function hostAmounts({ cpuMillis, memoryBytes }: TaskToPlace['demand'], { cpu }: HostState): Record<string, number> {
  return { [CPU]: Math.min(cpuMillis, cpu.total), [MEMORY]: memoryBytes };
}
