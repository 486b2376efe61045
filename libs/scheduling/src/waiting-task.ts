import type { QualityTier } from '@function-runner/pipeline-schema';
import type { TaskPriority } from '@function-runner/task-contract';
import type { ResourceDemand } from './resource-demand.js';

/** What scheduling knows of a task that waits. */
export interface WaitingTask {
  taskId: string;
  tier: QualityTier;
  projectId: string;
  pipelineId: string;
  priority: TaskPriority;
  /** Milliseconds since the epoch. */
  submittedAt: number;
  demand: ResourceDemand;
}
