// @ts-check
// The pipeline of the recovery bench: it says that it runs, and runs until it is told to end.
import { initStore } from '@function-runner/model-store';
import { installBenchPipeline, writePipelinesFile } from '../bench-pipeline.mjs';

export const NODE_TYPE = 'bench_recovery';
/** No limit in effect: the worker's own bounds. */
const MAX_CONCURRENT = 1000;

/** In the protocol's words. */
const SCRIPT = "process.stdout.write(JSON.stringify({ type: 'progress', progress: 50, step: 'at work' }) + '\\n'); setInterval(() => undefined, 1000);";

/** As a bare run: it starts in the same way, and ends at once. */
export const BARE_COMMAND = ['node', '-e', "process.stdout.write(JSON.stringify({ type: 'output', path: 'none', mediaType: 'text/plain' }) + '\\n');"];

/**
 * Fills a model store and writes a pipelines file in which every tier has the pipeline.
 * @param {{ folder: string, modelsRoot: string, image: string }} options
 * @returns {Promise<string>} the pipelines file
 */
export async function installRecoveryPipeline({ folder, modelsRoot, image }) {
  await initStore(modelsRoot);
  const id = await installBenchPipeline({ folder, modelsRoot, image, nodeType: NODE_TYPE, mode: 'job', command: ['node', '-e', SCRIPT] });
  return writePipelinesFile({ folder, maxConcurrent: MAX_CONCURRENT, pipelines: { [NODE_TYPE]: { id, image } } });
}
