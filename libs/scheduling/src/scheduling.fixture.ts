import type { QualityTier } from '@function-runner/pipeline-schema';
import type { ClusterState, DeviceState, HostState, TierState, WarmContainer } from './cluster-state.js';
import type { ResourceDemand } from './resource-demand.js';
import { deviceOf } from './resource-id.js';
import type { WaitingTask } from './waiting-task.js';

export const GIB = 1024 ** 3;

export function onGpus(vramGib: number, changes: Partial<ResourceDemand> = {}): ResourceDemand {
  return { gpus: 1, vramBytes: vramGib * GIB, splittable: false, cpuMillis: 0, memoryBytes: 0, ...changes };
}

export function onCores(cores: number, memoryGib: number): ResourceDemand {
  return { gpus: 0, vramBytes: 0, splittable: false, cpuMillis: cores * 1000, memoryBytes: memoryGib * GIB };
}

export function waitingTask(taskId: string, changes: Partial<WaitingTask> = {}): WaitingTask {
  return { taskId, tier: 'standard', projectId: 'film', pipelineId: 'flux', priority: 'normal', submittedAt: 0, demand: onGpus(16), ...changes };
}

export function device(id: string, totalGib: number, leasedGib = 0, reservedFor?: string): DeviceState {
  return { id, name: 'RTX', total: totalGib * GIB, leased: leasedGib * GIB, ...(reservedFor === undefined ? {} : { reservedFor }) };
}

/** A host of 8 cores and 32 GiB. */
export function host(hostId: string, changes: Partial<HostState> = {}): HostState {
  return { hostId, name: hostId.toUpperCase(), devices: [], cpu: { total: 8000, leased: 0 }, memory: { total: 32 * GIB, leased: 0 }, warm: [], ...changes };
}

/** A container of the pipeline `flux` that may serve any project. */
export function warmContainer(leaseId: string, amounts: Record<string, number>, changes: Partial<WarmContainer> = {}): WarmContainer {
  const devices = Object.keys(amounts).flatMap((resource) => deviceOf(resource) ?? []);
  return { leaseId, workerId: 'w', pipelineId: 'flux', projectId: undefined, devices, amounts, idleSince: 0, pinned: false, ...changes };
}

/** Ten of each tier may run. */
export function cluster(hosts: readonly HostState[], tiers: Partial<Record<QualityTier, TierState>> = {}): ClusterState {
  const free = { running: 0, limit: 10 };
  return { hosts, tiers: { low: free, standard: free, high: free, premium: free, ...tiers } };
}
