import type { TaskPriority } from '@function-runner/task-contract';

/** A checked request to run a node. */
export interface GenerationRequest {
  nodeId: string;
  nodeType: string;
  projectId: string;
  parameters: Record<string, unknown>;
  /** The client's own name of the request; a second one of the same name starts nothing. */
  requestId?: string;
  priority?: TaskPriority;
  batchId?: string;
}
