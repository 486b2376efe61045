import type { JobPayload } from '@function-runner/task-contract';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { containerLabels, type ContainerOwner } from './container-labels.js';
import type { ContainerPlan, PlannedDevices, PlannedMount } from './container-plan.js';

/** Where the pipeline finds things, in its own view: container paths, or the host's for the process engine. */
export interface PathView {
  workspace: string;
  output: string;
  models: string;
}

/** The container's own view: the same in every container. */
export const CONTAINER_VIEW: PathView = { workspace: '/workspace', output: '/output', models: '/models' };

/**
 * What shows a container no GPU. An image may be built with `NVIDIA_VISIBLE_DEVICES=all`, as NVIDIA's own are, and gets
 * every GPU of a host whose default runtime is nvidia unless told otherwise; with `void` that runtime does what runc
 * does: no GPU, and none of the driver's capabilities (`none` would still mount the driver).
 */
const NO_DEVICES = 'void';

/** What every plan is compiled from. Each part has been checked before; nothing here comes straight from a client. */
interface ShapeInput {
  owner: ContainerOwner;
  pipeline: RunnablePipeline;
  view: PathView;
  /** Host folders. */
  sources: { project: string; staging: string; model?: { id: string; folder: string }; extra: readonly PlannedMount[] };
  /** The one project that it sees. */
  projectName: string;
  /** Given where it serves any project and sees the whole workspace, `sources.project` then: folders within that it must not see, and an empty one that covers each. */
  covered?: { names: readonly string[]; by: string };
  /** What is leased for it. */
  devices: PlannedDevices;
  /** `uid:gid` that the pipeline runs as. */
  user: string;
}

/** The plan of an attempt's own container. */
export interface PlanInput extends ShapeInput {
  payload: JobPayload;
  /** The payload's parameters with project paths resolved, in the pipeline's view. */
  parameters: Record<string, unknown>;
}

/** The plan of a container that serves one task after the other. */
export interface ServingPlanInput extends ShapeInput {
  /** Names the container. */
  servingId: string;
  /** Host folder that stands in for `/tmp`. */
  scratch: string;
}

/**
 * Compiles the plan of one attempt. Pure, and the one place where a container's shape is decided: the project
 * read-only, the model read-only, one writable folder for the take, and no name, image, command, environment name
 * or option that a client could choose.
 */
export function compilePlan(input: PlanInput): ContainerPlan {
  const { owner, view } = input;
  return Object.freeze<ContainerPlan>({
    ...shape(input, { TASK_ID: owner.taskId }),
    name: `function-runner-${owner.taskId}-${owner.attempt}`,
    stdin: taskLine(input, view.output),
    scratch: undefined,
    keepsLog: true,
  });
}

/** Compiles the plan of a serving container: the same shape, but its tasks come later, each by {@link taskLine}. */
export function compileServingPlan(input: ServingPlanInput): ContainerPlan {
  return Object.freeze<ContainerPlan>({ ...shape(input, {}), name: `function-runner-serving-${input.servingId}`, stdin: '', scratch: input.scratch, keepsLog: false });
}

/** The line that gives a pipeline its task, protocol §5. */
export function taskLine({ owner, payload, parameters, view }: Pick<PlanInput, 'owner' | 'payload' | 'parameters' | 'view'>, outputDir: string): string {
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
    outputDir,
    modelsPath: view.models,
  };
  return `${JSON.stringify(task)}\n`;
}

/** A project, or for a container that serves any the workspace less what is covered. Read-only either way. */
function workspaceMounts({ sources: { project }, projectName, covered, view }: ShapeInput): PlannedMount[] {
  if (covered === undefined) return [{ source: project, target: `${view.workspace}/${projectName}`, readonly: true }];
  const cover = covered.names.map((name): PlannedMount => ({ source: covered.by, target: `${view.workspace}/${name}`, readonly: true }));
  return [{ source: project, target: view.workspace, readonly: true, alone: true }, ...cover];
}

function shape(input: ShapeInput, own: Record<string, string>): Omit<ContainerPlan, 'name' | 'stdin' | 'scratch' | 'keepsLog'> {
  const { owner, pipeline, view, sources, devices, user } = input;
  const mounts: PlannedMount[] = [
    ...workspaceMounts(input),
    { source: sources.staging, target: view.output, readonly: false },
    ...(sources.model === undefined ? [] : [{ source: sources.model.folder, target: `${view.models}/${sources.model.id}`, readonly: true }]),
    ...sources.extra,
  ];
  return {
    image: pipeline.image,
    command: pipeline.command,
    args: pipeline.args,
    environment: {
      ...pipeline.environment,
      // After the pipeline's own: these are the runner's to say.
      ...own,
      WORKSPACE_PATH: view.workspace,
      OUTPUT_PATH: view.output,
      MODELS_PATH: view.models,
      NVIDIA_VISIBLE_DEVICES: devices.ids.length === 0 ? NO_DEVICES : devices.ids.join(','),
    },
    labels: containerLabels(owner),
    mounts,
    user,
    memoryBytes: pipeline.memoryBytes,
    cpus: pipeline.cpus,
    network: pipeline.network,
    devices,
    graceSeconds: pipeline.graceSeconds,
  };
}
