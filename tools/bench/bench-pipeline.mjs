// @ts-check
// A trivial pipeline of a bench, as the model store wants it: what is measured is everything around it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installModel, installPipeline } from '@function-runner/model-store';

const MEMORY = '512Mi';
/** As many as the smallest machine that we measure on has: no limit in effect. */
const CPUS = 2;

/**
 * Puts the pipeline, and a model without weights for it, into a store that is there.
 * @param {{ folder: string, modelsRoot: string, image: string, nodeType: string, mode: 'job' | 'server', command: readonly string[] }} options
 * @returns {Promise<string>} the pipeline's id
 */
export async function installBenchPipeline({ folder, modelsRoot, image, nodeType, mode, command }) {
  const modelId = nodeType.replaceAll('_', '-');
  const weights = join(folder, 'weights.bin');
  writeFileSync(weights, 'no weights');
  await installModel(modelsRoot, { id: modelId, name: 'Nothing', version: '1.0.0', type: 'image', requirements: { vram: 0, disk_space: 0 } }, [{ from: weights, name: 'weights.bin' }]);
  const id = `${modelId}:1.0`;
  await installPipeline(modelsRoot, 'image', {
    id,
    name: 'Nothing',
    node_types: [nodeType],
    model_id: modelId,
    container_image: image,
    execution: { protocol: 'stdio', mode, command: command.slice(0, 1), args: command.slice(1), environment: {} },
    resources: { gpu: false, vram: 0, cpu: CPUS, memory: MEMORY },
    mounts: [],
  });
  return id;
}

/**
 * Writes a pipelines file in which every tier has the same pipelines.
 * @param {{ folder: string, maxConcurrent: number, pipelines: Record<string, { id: string, image: string }> }} options pipelines by node type
 * @returns {string} the file
 */
export function writePipelinesFile({ folder, maxConcurrent, pipelines }) {
  const chosen = Object.entries(pipelines).map(([nodeType, { id, image }]) => [nodeType, { pipeline_id: id, container_image: image, target_vram: 0, optimizations: [] }]);
  const tier = { max_concurrent: maxConcurrent, timeout_seconds: 60, pipelines: Object.fromEntries(chosen) };
  const file = join(folder, 'pipelines.json');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, JSON.stringify({ tiers: { low: tier, standard: tier, high: tier, premium: tier } }, null, 2));
  return file;
}
