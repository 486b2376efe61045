// @ts-check
// The pipelines of the warm bench: a trivial server, whose every millisecond is the product's, and the real upscaler as it is installed.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { ensureModelStore } from '../../setup/model-store.step.mjs';
import { setUpImages } from '../../setup/set-up.mjs';
import { installBenchPipeline, writePipelinesFile } from '../bench-pipeline.mjs';

export const NODE_TYPE = 'bench_warm';
export const UPSCALE_NODE_TYPE = 'image_upscale';
/** Within the project's folder. */
export const PICTURE = 'plates/small.png';
export const PICTURE_SIDE = 64;

const UPSCALE_ID = 'image-upscale:1.0-low';
const UPSCALE_IMAGE = 'function-runner/image-upscale:1.0';
/** No limit in effect: the worker's own bounds. */
const MAX_CONCURRENT = 1000;

/** For every task one progress line and one file, in the protocol's words. */
const SCRIPT = [
  "const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n');",
  "require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {",
  "const { type, outputDir } = JSON.parse(line); if (type === 'cancel') return;",
  "say({ type: 'progress', progress: 50, step: 'half' });",
  "require('node:fs').writeFileSync(outputDir + '/take.txt', 'a take');",
  "say({ type: 'output', path: 'take.txt', mediaType: 'text/plain' }); say({ type: 'done' }); });",
  "say({ type: 'ready' });",
].join(' ');

/** The command line of the trivial pipeline: the same for the product and for the bare run. */
export const COMMAND = ['node', '-e', SCRIPT];

/**
 * Fills a model store with both pipelines and their models, and writes a pipelines file in which every tier has them.
 * @param {import('../../setup/setup-context.mjs').SetupContext} context
 * @param {{ folder: string, modelsRoot: string, engine: import('../bench-engine.mjs').BenchEngine }} options
 * @param {(text: string) => void} say
 * @returns {Promise<string>} the pipelines file
 */
export async function installWarmPipelines(context, { folder, modelsRoot, engine: { docker, image } }, say) {
  if (!(await docker.image(UPSCALE_IMAGE))) await setUpImages(context, { engine: 'docker', docker, detail: '', mark: 'ok' });
  await ensureModelStore(context, { workspaceRoot: join(folder, 'workspace'), modelsRoot }, say);
  const id = await installBenchPipeline({ folder, modelsRoot, image, nodeType: NODE_TYPE, mode: 'server', command: COMMAND });
  const pipelines = { [NODE_TYPE]: { id, image }, [UPSCALE_NODE_TYPE]: { id: UPSCALE_ID, image: UPSCALE_IMAGE } };
  return writePipelinesFile({ folder, maxConcurrent: MAX_CONCURRENT, pipelines });
}

/** @param {string} project the project's folder */
export async function makePicture(project) {
  const file = join(project, PICTURE);
  mkdirSync(join(file, '..'), { recursive: true });
  const background = { r: 90, g: 140, b: 200 };
  await sharp({ create: { width: PICTURE_SIDE, height: PICTURE_SIDE, channels: 3, background, noise: { type: 'gaussian', mean: 128, sigma: 40 } } }).png().toFile(file);
}
