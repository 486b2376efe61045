import type { PipelineConfig } from '@function-runner/pipeline-schema';

/** What the runner adds to a node's own parameters. */
export interface RunnerParameters {
  node_id: string;
  project_id: string;
  /** `/workspace/{project.name}/outputs/renders/{node_id}`: the folder that holds the node's takes. */
  output_path: string;
}

/** The data of a BullMQ job; its id is the task's. */
export interface JobPayload {
  pipeline_id: string;
  node_type: string;
  parameters: Record<string, unknown> & RunnerParameters;
  /** The tier's pipeline config; `timeout_seconds` always filled in, from the tier where the pipeline has none. */
  config: PipelineConfig;
  workspace_path: '/workspace';
  /** ISO 8601, UTC. */
  submitted_at: string;
  /** Correlates the log lines of api and worker, and names what the payload has no other place for. */
  trace: { request_id?: string; batch_id?: string; project_name: string; quality: string };
}
