import type { QualityTier } from '@function-runner/pipeline-schema';

/** Something of which parts are leased. */
export interface Capacity {
  /** What may be leased of it in all; 0 while it takes nothing new. */
  total: number;
  leased: number;
  /** The task that is next to have it, if it was passed over for too long: nobody else gets a new part. */
  reservedFor?: string;
}

export interface DeviceState extends Capacity {
  /** The device's uuid. */
  id: string;
  name: string;
}

/** A container that has its model loaded and waits for a task. What it holds is leased. */
export interface WarmContainer {
  leaseId: string;
  /** The worker process that speaks to it. */
  workerId: string;
  pipelineId: string;
  /** The one project that it may serve; undefined: any (its pipeline is shareable). */
  projectId: string | undefined;
  /** Devices whose memory it holds. */
  devices: readonly string[];
  /** What it holds, by resource. */
  amounts: Readonly<Record<string, number>>;
  /** Since when it has been idle, milliseconds since the epoch. */
  idleSince: number;
  /** One of those that the operator wants to be kept warm: never ended for another task. */
  pinned: boolean;
}

/** A machine: one container engine, and whatever workers speak to it. */
export interface HostState {
  hostId: string;
  /** As people call it. */
  name: string;
  devices: readonly DeviceState[];
  cpu: Capacity;
  memory: Capacity;
  /** Idle ones only. */
  warm: readonly WarmContainer[];
}

/** How many of a tier's tasks run in the cluster, and may. */
export interface TierState {
  running: number;
  limit: number;
}

export interface ClusterState {
  hosts: readonly HostState[];
  tiers: Readonly<Record<QualityTier, TierState>>;
}
