import type { QualityTier } from '@function-runner/pipeline-schema';
import type { WaitingTask } from './waiting-task.js';

/** What a look at a tier's queue found: ids of tasks. */
export interface QueueSight {
  tier: QualityTier;
  waiting: readonly string[];
  /** Of whatever worker. */
  running: readonly string[];
}

/** A job, and since when it has been run (milliseconds since the epoch), if it is. */
export interface SeenJob {
  task: WaitingTask;
  startedAt: number | undefined;
}

/** The queues, as whoever mirrors them sees them. */
export interface VisibleQueues {
  /** All of them as they are now. */
  look(): Promise<readonly QueueSight[]>;
  /** What scheduling needs to know of jobs, waiting or running; those that are gone by now, or cannot be read, are left out. */
  describe(tier: QualityTier, taskIds: readonly string[]): Promise<readonly SeenJob[]>;
}
