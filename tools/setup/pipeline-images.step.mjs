// @ts-check
// Builds the image of each pipeline under pipelines/, unless the engine has one of the same content already.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { lastLines } from './command.mjs';
import { filesBelow, hashFolder } from './content-hash.mjs';
import { tarStream } from './docker-api.mjs';
import { messageOf, SetupError } from './setup-error.mjs';

export const CONTENT_LABEL = 'function-runner.content-hash';

/**
 * A pipeline that is shipped with this checkout. Its build leaves in `imageFolder` a complete build context, with the
 * Dockerfile, so that `docker build pipelines/<name>/dist/image` does the same.
 * @typedef {{ name: string, folder: string, imageFolder: string, tags: string[] }} PipelineSource
 */

/**
 * The image names in a pipeline's store files (`pipeline.json` and its like), each once.
 * @param {readonly { file: string, text: string }[]} files
 * @returns {string[]}
 */
export function imageNames(files) {
  /** @type {Set<string>} */
  const names = new Set();
  for (const { file, text } of files) {
    /** @type {unknown} */
    let value;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new SetupError(`${file} is not JSON: ${messageOf(error)}`, 'Correct the file.');
    }
    for (const found of containerImages(value)) names.add(found);
  }
  return [...names].sort();
}

/** @param {unknown} value @returns {string[]} */
function containerImages(value) {
  if (Array.isArray(value)) return value.flatMap(containerImages);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === 'container_image' && typeof inner === 'string' ? [inner] : containerImages(inner)));
}

/**
 * The pipelines of this checkout that have a Dockerfile.
 * @param {string} root
 * @returns {Promise<PipelineSource[]>}
 */
export async function pipelineSources(root) {
  const parent = join(root, 'pipelines');
  if (!existsSync(parent)) return [];
  /** @type {PipelineSource[]} */
  const sources = [];
  for (const entry of readdirSync(parent, { withFileTypes: true })) {
    const folder = join(parent, entry.name);
    if (!entry.isDirectory() || !existsSync(join(folder, 'Dockerfile'))) continue;
    const store = join(folder, 'store');
    const files = existsSync(store) ? (await filesBelow(store)).filter((file) => file.endsWith('.json')) : [];
    const tags = imageNames(files.map((file) => ({ file: relative(root, join(store, file)), text: readFileSync(join(store, file), 'utf8') })));
    if (tags.length === 0) throw new SetupError(`pipelines/${entry.name} has a Dockerfile but no store/*.json names its container_image.`, 'Add its pipeline.json to its store folder.');
    sources.push({ name: entry.name, folder, imageFolder: join(folder, 'dist', 'image'), tags });
  }
  return sources.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @param {PipelineSource} source
 * @param {import('./base-image.step.mjs').BaseImage} base
 * @param {(text: string) => void} say
 */
export async function ensurePipelineImage({ paths, signal }, docker, source, base, say) {
  if (!existsSync(source.imageFolder)) throw new SetupError(`pipelines/${source.name} is not built: ${relative(paths.root, source.imageFolder)} is missing.`, `Run: npm run build -w pipelines/${source.name}`);
  const hash = await hashFolder(source.imageFolder, { words: [base.id] });
  const images = await Promise.all(source.tags.map((tag) => docker.image(tag)));
  if (images.every((image) => image?.Config?.Labels?.[CONTENT_LABEL] === hash)) return { built: false };

  say(`building ${source.tags.join(', ')}`);
  let output = '';
  const logFile = join(paths.logs, `build-image-${source.name}.log`);
  try {
    await docker.build(tarStream(source.imageFolder), {
      tags: source.tags,
      dockerfile: 'Dockerfile',
      buildArgs: { BASE_IMAGE: base.reference },
      labels: { [CONTENT_LABEL]: hash },
      signal,
      onText: (text) => (output += text),
    });
  } catch (error) {
    if (signal.aborted) throw error;
    throw new SetupError(`The image of pipelines/${source.name} could not be built: ${messageOf(error)}.`, `See ${relative(paths.root, logFile)}; the Dockerfile is pipelines/${source.name}/Dockerfile, its base ${base.reference}.`, { detail: lastLines(output, 8), cause: error });
  } finally {
    writeFileSync(logFile, output);
  }
  // The image that had these names is now without one; nobody would ever remove it.
  const now = new Set((await Promise.all(source.tags.map((tag) => docker.image(tag)))).map((image) => image?.Id));
  for (const id of new Set(images.map((image) => image?.Id))) if (id && !now.has(id)) await docker.removeImage(id);
  return { built: true };
}

/**
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @param {readonly PipelineSource[]} sources
 * @param {import('./base-image.step.mjs').BaseImage} base
 * @param {(text: string) => void} say
 */
export async function ensurePipelineImages(context, docker, sources, base, say) {
  const built = [];
  for (const source of sources) if ((await ensurePipelineImage(context, docker, source, base, say)).built) built.push(source.name);
  const names = sources.flatMap(({ tags }) => tags).join(', ');
  return { detail: `${names || 'none'}${built.length > 0 ? ', built' : ', up to date'}`, mark: /** @type {const} */ ('ok') };
}
