import type { WarmContainer } from './cluster-state.js';
import type { WaitReason } from './wait-reason.js';

/** Where a task is to run. */
export interface Placed {
  kind: 'placed';
  hostId: string;
  /** The devices that it sees. */
  devices: readonly string[];
  /** What is to be leased for it, by resource; nothing where a warm container serves it, which has its lease. */
  amounts: Readonly<Record<string, number>>;
  /** The container that serves it, where one is warm. */
  warm?: WarmContainer;
  /** Idle containers that must end first. */
  evict: readonly WarmContainer[];
}

/** Where a task is to run, or why it must wait. */
export type Placement = Placed | { kind: 'wait'; reason: WaitReason };
