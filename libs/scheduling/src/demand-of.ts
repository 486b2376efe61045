import { memoryBytes, type PipelineConfig, type PipelineManifest } from '@function-runner/pipeline-schema';
import type { ResourceDemand } from './resource-demand.js';

const GIB = 1024 ** 3;

/** The word among a pipeline's optimizations that says: its model may be spread over several devices. */
const SPREADS = 'multi_gpu';

/**
 * What a task without GPU claims of the host's memory where no manifest says it. Such a pipeline declares nothing, so the
 * claim only keeps a host from taking dozens of them at once; what its container may use at most is the engine's limit.
 */
const UNDECLARED_MEMORY_BYTES = 512 * 1024 ** 2;

/**
 * What a task of a pipeline holds while it runs: what its manifest says, else what the tier's configuration says. A task
 * with GPUs holds none of the host's cores and memory: devices are what is scarce, and a host is bought to feed them.
 */
export function demandOf(config: PipelineConfig, manifest: PipelineManifest | undefined): ResourceDemand {
  if (manifest === undefined) {
    return config.target_vram > 0 ? onDevices(1, config) : { gpus: 0, vramBytes: 0, splittable: false, cpuMillis: 0, memoryBytes: UNDECLARED_MEMORY_BYTES };
  }
  const { gpu, vram, gpus, cpu, memory } = manifest.resources;
  if (gpu && (vram > 0 || gpus !== undefined)) return onDevices(gpus ?? 1, config, vram);
  return { gpus: 0, vramBytes: 0, splittable: false, cpuMillis: Math.ceil(cpu * 1000), memoryBytes: memoryBytes(memory) };
}

function onDevices(gpus: number, config: PipelineConfig, vramGib = config.target_vram): ResourceDemand {
  const splittable = gpus === 1 && config.optimizations.includes(SPREADS);
  return { gpus, vramBytes: Math.ceil(vramGib * GIB), splittable, cpuMillis: 0, memoryBytes: 0 };
}
