import type { HostState } from './cluster-state.js';
import type { DemandKind } from './demand-kind.js';
import { deviceShapes } from './device-shape.js';
import { ANYBODY, freeInAll, isOpenTo } from './host-capacity.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import type { ResourceDemand } from './resource-demand.js';
import type { WaitReason } from './wait-reason.js';

/**
 * What some hosts have to give to a task that has nothing reserved and no container warm: free, or held by idle containers
 * that may end. Answers for a demand at once, and once for all tasks that have it; it says the same as a search for a place.
 *
 * Owns its answers; holds for these hosts as they are.
 */
export class Room {
  /** Why tasks of a demand wait, as far as somebody has found out. */
  readonly reasons = new Map<DemandKind, WaitReason>();
  private readonly answers = new Map<DemandKind, boolean>();
  private readonly free: readonly FreeOnHost[];

  constructor(readonly hosts: readonly HostState[]) {
    this.free = hosts.map(freeOn);
  }

  fits(kind: DemandKind): boolean {
    let answer = this.answers.get(kind);
    if (answer === undefined) this.answers.set(kind, (answer = kind.demand.gpus > 0 ? this.fitsDevices(kind.demand) : this.fitsHost(kind.demand)));
    return answer;
  }

  private fitsDevices(demand: ResourceDemand): boolean {
    return deviceShapes(demand, this.hosts).some(({ count, bytes }) => this.free.some(({ devices }) => devices.filter((free) => free >= bytes).length >= count));
  }

  private fitsHost({ cpuMillis, memoryBytes }: ResourceDemand): boolean {
    return this.free.some(({ isOpen, allCores, cores, memory }) => isOpen && cores >= Math.min(cpuMillis, allCores) && memory >= memoryBytes);
  }
}

interface FreeOnHost {
  /** Of the devices that are open to anybody, bytes. */
  devices: readonly number[];
  isOpen: boolean;
  allCores: number;
  cores: number;
  memory: number;
}

function freeOn(host: HostState): FreeOnHost {
  return {
    devices: host.devices.filter((device) => isOpenTo(ANYBODY, device)).map((device) => freeInAll(host, gpuResource(device.id), device)),
    isOpen: isOpenTo(ANYBODY, host.cpu) && isOpenTo(ANYBODY, host.memory),
    allCores: host.cpu.total,
    cores: freeInAll(host, CPU, host.cpu),
    memory: freeInAll(host, MEMORY, host.memory),
  };
}
