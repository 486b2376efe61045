import type { QualityTier } from '@function-runner/pipeline-schema';

/** Why a task waits. */
export type WaitReason =
  /** Nothing but the tasks before it; the next one to start. */
  | { kind: 'next' }
  /** As many tasks of its tier run as may. */
  | { kind: 'tier-limit'; tier: QualityTier; limit: number }
  /** A host could run it and has not enough free of this. `needed` is what would have to be free, in the resource's unit: for GPUs, of each of so many devices. */
  | { kind: 'capacity'; resource: 'gpu' | 'cpu' | 'memory'; needed: number; gpus: number; hostId: string; hostName: string }
  /** What is free is kept for a task that was passed over for too long. */
  | { kind: 'reserved'; resource: 'gpu' | 'cpu' | 'memory'; hostId: string; hostName: string }
  /** No host has enough of something, however long one waits. */
  | { kind: 'no-capable-host'; detail: string }
  /** No worker is there at all. */
  | { kind: 'no-host' };
