import type { TaskSummary } from '@function-runner/progress-protocol';
import type { TaskRecord } from '@function-runner/task-store';

/** A task as snapshots and REST show it. */
export function toTaskSummary(record: TaskRecord): TaskSummary {
  const { taskId, nodeId, nodeType, projectId, pipelineId, quality, attempt, progress, step, submittedAt } = record;
  return {
    taskId, nodeId, nodeType, projectId, pipelineId, quality, status: record.state, attempt, progress, step, lastSeq: record.seq, submittedAt,
    ...(record.startedAt === undefined ? {} : { startedAt: record.startedAt }),
    ...(record.finishedAt === undefined ? {} : { finishedAt: record.finishedAt }),
    ...(record.batchId === undefined ? {} : { batchId: record.batchId }),
    ...(record.requestId === undefined ? {} : { requestId: record.requestId }),
    ...(record.result === undefined ? {} : { result: record.result }),
    ...(record.error === undefined ? {} : { error: record.error }),
    ...(record.code === undefined ? {} : { code: record.code }),
  };
}
