import { memoryBytes, ParameterSchema, type PipelineManifest } from '@function-runner/pipeline-schema';
import type { JobPayload } from '@function-runner/task-contract';

/** How a task's pipeline is run: from its pipeline.json, or by the defaults where the store has none. */
export interface RunnablePipeline {
  id: string;
  /** `server`: one container takes one task after the other. */
  mode: 'job' | 'server';
  /** Whether one container may serve several projects. */
  shareable: boolean;
  image: string;
  command: readonly string[];
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  /** The model it needs; undefined where no pipeline.json names one. */
  modelId: string | undefined;
  memoryBytes: number;
  cpus: number;
  network: 'none' | 'internal';
  graceSeconds: number;
  parameterSchema: ParameterSchema | undefined;
  /** Read-only folders below the store that it mounts besides its model. */
  mounts: readonly { source: string; target: string }[];
}

/** Seconds that a pipeline has to end after SIGTERM, protocol §5. */
const DEFAULT_GRACE_SECONDS = 5;

/** Cores of a container whose pipeline says nothing. */
const DEFAULT_CPUS = 2;

/** How a pipeline is run that the store does not describe: by what the tier's config says, and the defaults. */
export function undescribedPipeline(payload: JobPayload, defaultMemoryBytes: number): RunnablePipeline {
  return {
    id: payload.pipeline_id, mode: 'job', shareable: false, image: payload.config.container_image, command: [], args: [], environment: {}, modelId: undefined,
    memoryBytes: defaultMemoryBytes, cpus: DEFAULT_CPUS, network: 'none', graceSeconds: DEFAULT_GRACE_SECONDS, parameterSchema: undefined, mounts: [],
  };
}

/** How a pipeline is run that has a pipeline.json, whatever tier its task is of: the image is the manifest's. */
export function runnablePipeline(manifest: PipelineManifest): RunnablePipeline {
  return {
    id: manifest.id,
    mode: manifest.execution.mode ?? 'job',
    shareable: manifest.execution.shareable ?? false,
    image: manifest.container_image,
    command: manifest.execution.command,
    args: manifest.execution.args,
    environment: manifest.execution.environment,
    modelId: manifest.model_id,
    memoryBytes: memoryBytes(manifest.resources.memory),
    cpus: manifest.resources.cpu,
    network: manifest.network ?? 'none',
    graceSeconds: manifest.execution.cancel_grace_seconds ?? DEFAULT_GRACE_SECONDS,
    parameterSchema: manifest.parameters === undefined ? undefined : new ParameterSchema(manifest.parameters),
    mounts: manifest.mounts,
  };
}
