import type { PlannedFault } from '../plan/plan-chaos.js';

/** What a fault did, beyond its proof, that the oracle must know of. */
export interface FaultEffect {
  /** What was seen from outside that could not have been without the fault. */
  proof: string;
  /** The container that it killed, with its task where it has one of its own. */
  killedContainer?: { taskId: string | undefined };
  /** Running tasks whose worker it killed, and when: milliseconds since the epoch. */
  orphans?: { killedAt: number; taskIds: readonly string[] };
}

/** A fault that was to be inflicted, as it went. */
export interface FaultRecord extends PlannedFault {
  /** Whom it struck. */
  target: string;
  /** Milliseconds since the epoch. */
  struckAt: number;
  healedAt: number;
  effect?: FaultEffect;
  /** Why it did not fire; then there is no effect. */
  failure?: string;
}

/** Inflicts a fault and heals it. @throws Error where it did not fire */
export type Inflict = (fault: PlannedFault) => Promise<FaultEffect>;
