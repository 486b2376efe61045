import type { RunnablePipeline } from '../models/runnable-pipeline.js';

/** The pipeline as it runs here: no engine gives more cores than there are, and a task that ran out of memory gets more. */
export function fittedPipeline(pipeline: RunnablePipeline, cores: number, memoryBytes = 0): RunnablePipeline {
  if (pipeline.cpus <= cores && pipeline.memoryBytes >= memoryBytes) return pipeline;
  return { ...pipeline, cpus: Math.min(pipeline.cpus, cores), memoryBytes: Math.max(pipeline.memoryBytes, memoryBytes) };
}
