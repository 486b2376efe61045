import { createHash } from 'node:crypto';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';

/**
 * What two tasks must have in common to be served by one container: the project (it sees no other) unless it may serve any,
 * the pipeline as its file says now, and the version of its model. A changed file or a new version starts a new container.
 */
export function servingKey(projectName: string | undefined, pipeline: RunnablePipeline, modelVersion: string | undefined): string {
  const { parameterSchema: _, ...run } = pipeline;
  return createHash('sha256').update(JSON.stringify([projectName ?? null, run, modelVersion ?? null])).digest('hex');
}
