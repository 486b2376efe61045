// @ts-check
// The trivial pipeline of the cold bench, as the model store wants it: what is measured is everything around it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { initStore, installModel, installPipeline } from '@function-runner/model-store';

export const NODE_TYPE = 'bench_cold';
const PIPELINE_ID = 'bench-cold:1.0';
const MODEL_ID = 'bench-cold';
const MEMORY = '512Mi';
/** As many as the smallest machine that we measure on has: no limit in effect. */
const CPUS = 2;

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
  const weights = join(folder, 'weights.bin');
  writeFileSync(weights, 'no weights');
  const requirements = { vram: 0, disk_space: 0 };
  await installModel(modelsRoot, { id: MODEL_ID, name: 'Nothing', version: '1.0.0', type: 'image', requirements }, [{ from: weights, name: 'weights.bin' }]);
  await installPipeline(modelsRoot, 'image', {
    id: PIPELINE_ID,
    name: 'Nothing',
    node_types: [NODE_TYPE],
    model_id: MODEL_ID,
    container_image: image,
    execution: { protocol: 'stdio', mode: 'job', command: COMMAND.slice(0, 1), args: COMMAND.slice(1), environment: {} },
    resources: { gpu: false, vram: 0, cpu: CPUS, memory: MEMORY },
    mounts: [],
  });
  const pipelines = { [NODE_TYPE]: { pipeline_id: PIPELINE_ID, container_image: image, target_vram: 0, optimizations: [] } };
  const tier = { max_concurrent: 1, timeout_seconds: 60, pipelines };
  const file = join(folder, 'pipelines.json');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify({ tiers: { low: tier, standard: tier, high: tier, premium: tier } }, null, 2));
  return file;
}
