import type { JobPayload } from '@function-runner/task-contract';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { containerLabels, type ContainerOwner } from './container-labels.js';
import type { ContainerPlan, PlannedMount } from './container-plan.js';

/** Where the pipeline finds things, in its own view: container paths, or the host's for the process engine. */
export interface PathView {
  workspace: string;
  output: string;
  models: string;
}

/** The container's own view: the same in every container. */
export const CONTAINER_VIEW: PathView = { workspace: '/workspace', output: '/output', models: '/models' };

/** What a plan is compiled from. Every part has been checked before; nothing here comes straight from a client. */
export interface PlanInput {
  owner: ContainerOwner;
  payload: JobPayload;
  pipeline: RunnablePipeline;
  /** The payload's parameters with project paths resolved, in the pipeline's view. */
  parameters: Record<string, unknown>;
  view: PathView;
  /** Host folders. */
  sources: { project: string; staging: string; model?: { id: string; folder: string }; extra: readonly PlannedMount[] };
  projectName: string;
  /** `uid:gid` that the pipeline runs as. */
  user: string;
}

/**
 * Compiles the plan of one attempt. Pure, and the one place where a container's shape is decided: the project
 * read-only, the model read-only, one writable folder for the take, and no name, image, command, environment name
 * or option that a client could choose.
 */
export function compilePlan({ owner, payload, pipeline, parameters, view, sources, projectName, user }: PlanInput): ContainerPlan {
  const mounts: PlannedMount[] = [
    { source: sources.project, target: `${view.workspace}/${projectName}`, readonly: true },
    { source: sources.staging, target: view.output, readonly: false },
    ...(sources.model === undefined ? [] : [{ source: sources.model.folder, target: `${view.models}/${sources.model.id}`, readonly: true }]),
    ...sources.extra,
  ];
  const task = {
    protocol: 1,
    taskId: owner.taskId,
    attempt: owner.attempt,
    nodeId: payload.parameters.node_id,
    nodeType: payload.node_type,
    pipelineId: payload.pipeline_id,
    parameters,
    config: payload.config,
    workspacePath: view.workspace,
    outputDir: view.output,
    modelsPath: view.models,
  };
  return Object.freeze<ContainerPlan>({
    name: `function-runner-${owner.taskId}-${owner.attempt}`,
    image: pipeline.image,
    command: pipeline.command,
    args: pipeline.args,
    environment: {
      ...pipeline.environment,
      // After the pipeline's own: these are the runner's to say.
      TASK_ID: owner.taskId,
      WORKSPACE_PATH: view.workspace,
      OUTPUT_PATH: view.output,
      MODELS_PATH: view.models,
    },
    labels: containerLabels(owner),
    mounts,
    user,
    memoryBytes: pipeline.memoryBytes,
    cpus: pipeline.cpus,
    network: pipeline.network,
    stdin: `${JSON.stringify(task)}\n`,
    graceSeconds: pipeline.graceSeconds,
  });
}
