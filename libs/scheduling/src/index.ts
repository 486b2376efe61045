export type { ResourceDemand } from './resource-demand.js';
export type { WaitingTask } from './waiting-task.js';
export type { Capacity, ClusterState, DeviceState, HostState, TierState, WarmContainer } from './cluster-state.js';
export type { WaitReason } from './wait-reason.js';
export { CPU, MEMORY, deviceOf, gpuResource } from './resource-id.js';
