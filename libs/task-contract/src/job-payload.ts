import type { PipelineConfig } from '@function-runner/pipeline-schema';

/** What the runner adds to a node's own parameters. */
export interface RunnerParameters {
  node_id: string;
  project_id: string;
  /** `/workspace/{project.name}/outputs/renders/{node_id}`: the folder that holds the node's takes. */
  output_path: string;
}

/** A {@link ResourceDemand} as a job carries it. */
export interface JobDemand {
  gpus: number;
  vram_bytes: number;
  splittable: boolean;
  cpu_millis: number;
  memory_bytes: number;
}

/** The data of a BullMQ job; its id is the task's. */
export interface JobPayload {
  pipeline_id: string;
  node_type: string;
  parameters: Record<string, unknown> & RunnerParameters;
  /** The tier's pipeline config; `timeout_seconds` always filled in, from the tier where the pipeline has none. */
  config: PipelineConfig;
  workspace_path: '/workspace';
  /** What the task holds while it runs; without it what the config's `target_vram` says. */
  demand?: JobDemand;
  /** Memory that its container may use, bytes: of a task that ran out of it and is tried again with more. */
  memory_limit_bytes?: number;
  /** ISO 8601, UTC. */
  submitted_at: string;
  /** Correlates the log lines of api and worker, and names what the payload has no other place for. */
  trace: { request_id?: string; batch_id?: string; project_name: string; quality: string };
}
