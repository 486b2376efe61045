// @ts-check
// The pipeline of the cold bench: it ends at once.
import { initStore } from '@function-runner/model-store';
import { installBenchPipeline, writePipelinesFile } from '../bench-pipeline.mjs';

export const NODE_TYPE = 'bench_cold';

/** One progress line and one file, in the protocol's words. */
const SCRIPT = [
  "const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');",
  "say({ type: 'progress', progress: 50, step: 'half' });",
  "require('node:fs').writeFileSync('/output/take.txt', 'a take');",
  "say({ type: 'output', path: 'take.txt', mediaType: 'text/plain' });",
].join(' ');

/** The command line of the pipeline: the same for the product and for the bare run. */
export const COMMAND = ['node', '-e', SCRIPT];

/**
 * Fills a model store and writes a pipelines file in which every tier has the pipeline.
 * @param {{ folder: string, modelsRoot: string, image: string }} options
 * @returns {Promise<string>} the pipelines file
 */
export async function installColdPipeline({ folder, modelsRoot, image }) {
  await initStore(modelsRoot);
  const id = await installBenchPipeline({ folder, modelsRoot, image, nodeType: NODE_TYPE, mode: 'job', command: COMMAND });
  return writePipelinesFile({ folder, maxConcurrent: 1, pipelines: { [NODE_TYPE]: { id, image } } });
}
