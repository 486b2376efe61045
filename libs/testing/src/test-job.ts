/** The data of a job, as the api would write it. */
export interface TestJob {
  pipeline_id: string;
  node_type: string;
  parameters: Record<string, unknown> & { node_id: string; project_id: string; output_path: string };
  config: { pipeline_id: string; container_image: string; target_vram: number; optimizations: string[]; timeout_seconds: number };
  workspace_path: '/workspace';
  demand?: { gpus: number; vram_bytes: number; splittable: boolean; cpu_millis: number; memory_bytes: number };
  submitted_at: string;
  trace: { request_id?: string; project_name: string; quality: string };
}

/** What of a test's job differs from any other's. */
export interface TestJobChanges {
  pipelineId?: string;
  image?: string;
  timeoutSeconds?: number;
  parameters?: Record<string, unknown>;
  nodeId?: string;
  project?: string;
  /** Memory of one GPU, GiB. */
  targetVram?: number;
  /** What it holds of its host; without it what `targetVram` says. */
  demand?: TestJob['demand'];
}

/** A job of the project `Film`, unless told, that runs `script` in the script pipeline. */
export function testJob(script: string, changes: TestJobChanges = {}): TestJob {
  const { pipelineId = 'script:1.0', image = 'me/unused:1', timeoutSeconds = 60, parameters = {}, nodeId = 'node-1', project = 'Film', targetVram = 0, demand } = changes;
  return {
    pipeline_id: pipelineId,
    node_type: 'script',
    parameters: { script, ...parameters, node_id: nodeId, project_id: project.toLowerCase(), output_path: `/workspace/${project}/outputs/renders/${nodeId}` },
    config: { pipeline_id: pipelineId, container_image: image, target_vram: targetVram, optimizations: ['fast'], timeout_seconds: timeoutSeconds },
    workspace_path: '/workspace',
    ...(demand === undefined ? {} : { demand }),
    submitted_at: new Date().toISOString(),
    trace: { project_name: project, quality: 'high' },
  };
}
