import { isErrorCode, isTaskState } from '@function-runner/task-contract';
import { parseQualityTier } from '@function-runner/pipeline-schema';
import type { TaskResult } from '@function-runner/progress-protocol';
import type { NewTask, TaskRecord } from './task-record.js';

/** The fields that creating a task writes, as name and value in turn. */
export function newTaskFields(task: NewTask): string[] {
  const fields = [
    'node_id', task.nodeId, 'project_id', task.projectId, 'project_name', task.projectName, 'node_type', task.nodeType,
    'pipeline_id', task.pipelineId, 'quality', task.quality, 'submitted_at', task.submittedAt, 'step', 'queued',
  ];
  if (task.batchId !== undefined) fields.push('batch_id', task.batchId);
  if (task.requestId !== undefined) fields.push('request_id', task.requestId);
  return fields;
}

/** A task from its hash, or undefined where there is none (Redis answers a missing hash with no fields). */
export function parseRecord(taskId: string, hash: Record<string, string>): TaskRecord | undefined {
  const state = hash['state'];
  if (state === undefined || !isTaskState(state)) return undefined;
  const record: TaskRecord = {
    taskId,
    nodeId: hash['node_id'] ?? '',
    projectId: hash['project_id'] ?? '',
    projectName: hash['project_name'] ?? '',
    nodeType: hash['node_type'] ?? '',
    pipelineId: hash['pipeline_id'] ?? '',
    quality: parseQualityTier(hash['quality']).tier,
    submittedAt: hash['submitted_at'] ?? '',
    state,
    seq: Number(hash['seq'] ?? 0),
    attempt: Number(hash['attempt'] ?? 0),
    progress: Number(hash['progress'] ?? 0),
    step: hash['step'] ?? '',
  };
  if (hash['batch_id'] !== undefined) record.batchId = hash['batch_id'];
  if (hash['request_id'] !== undefined) record.requestId = hash['request_id'];
  if (hash['worker'] !== undefined) record.worker = hash['worker'];
  if (hash['started_at'] !== undefined) record.startedAt = new Date(Number(hash['started_at'])).toISOString();
  if (hash['finished_at'] !== undefined) record.finishedAt = new Date(Number(hash['finished_at'])).toISOString();
  if (hash['result'] !== undefined) record.result = JSON.parse(hash['result']) as TaskResult;
  if (hash['error'] !== undefined) record.error = hash['error'];
  if (hash['code'] !== undefined && isErrorCode(hash['code'])) record.code = hash['code'];
  return record;
}
