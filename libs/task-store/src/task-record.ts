import type { QualityTier } from '@function-runner/pipeline-schema';
import type { ErrorCode, TaskState } from '@function-runner/task-contract';
import type { TaskResult } from '@function-runner/progress-protocol';

/** What names a task in every event. */
export interface TaskIdentity {
  taskId: string;
  nodeId: string;
  projectId: string;
  batchId?: string;
}

/** A task as the holder of an attempt writes of it. */
export interface HeldTask extends TaskIdentity {
  /**
   * The claim that the attempt was begun with. A Redis that lost its last second may give the same attempt number twice; what
   * names its claim is then refused where another has begun since. Without one the attempt's number alone decides.
   */
  claim?: string;
}

/** A task that is about to be created. */
export interface NewTask extends TaskIdentity {
  nodeType: string;
  projectName: string;
  pipelineId: string;
  quality: QualityTier;
  /** ISO 8601, UTC. */
  submittedAt: string;
  requestId?: string;
}

/** A task as the store holds it. */
export interface TaskRecord extends NewTask {
  state: TaskState;
  /** The last event's. */
  seq: number;
  attempt: number;
  progress: number;
  step: string;
  /** The worker process of the newest attempt. */
  worker?: string;
  startedAt?: string;
  finishedAt?: string;
  result?: TaskResult;
  error?: string;
  code?: ErrorCode;
}
