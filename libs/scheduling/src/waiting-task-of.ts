import type { QualityTier } from '@function-runner/pipeline-schema';
import type { JobPayload, TaskPriority } from '@function-runner/task-contract';
import { demandOf } from './demand-of.js';
import { fromJobDemand } from './job-demand.js';
import type { WaitingTask } from './waiting-task.js';

/** What scheduling needs to know of a job that waits. */
export function waitingTaskOf(taskId: string, tier: QualityTier, payload: JobPayload, priority: TaskPriority): WaitingTask {
  return {
    taskId, tier, priority,
    projectId: payload.parameters.project_id,
    pipelineId: payload.pipeline_id,
    submittedAt: Date.parse(payload.submitted_at),
    demand: payload.demand === undefined ? demandOf(payload.config, undefined) : fromJobDemand(payload.demand),
  };
}
