import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeProblems, validateClass } from '@function-runner/class-schema';
import { validatePipelineManifest } from '@function-runner/pipeline-schema';
import { ReferenceModel } from './reference-model.js';
import type { ReferencePipeline, ReferenceStore } from './reference-store.js';

const MODELS_FILE = 'models.json';

/**
 * Reads what the checkout's pipelines offer for the model store: of each folder `<pipelines>/<name>/store`
 * its `models.json` and every other JSON file, which is a pipeline.
 * @throws Error naming the file and all that is wrong with it.
 */
export async function readReferenceStores(pipelinesFolder: string): Promise<ReferenceStore[]> {
  const stores: ReferenceStore[] = [];
  // Outside a checkout, as in the app image, there are no reference pipelines to offer.
  if (!(await isFolder(pipelinesFolder))) return stores;
  for (const { name } of (await readdir(pipelinesFolder, { withFileTypes: true })).filter((entry) => entry.isDirectory())) {
    const folder = join(pipelinesFolder, name);
    const store = join(folder, 'store');
    if (!(await isFolder(store))) continue;
    const files = (await readdir(store)).filter((file) => file.endsWith('.json')).sort();
    stores.push({
      folder,
      models: files.includes(MODELS_FILE) ? await readModels(join(store, MODELS_FILE)) : [],
      pipelines: await Promise.all(files.filter((file) => file !== MODELS_FILE).map((file) => readPipeline(join(store, file)))),
    });
  }
  return stores;
}

async function readModels(file: string): Promise<ReferenceModel[]> {
  const plain = await readJson(file);
  if (!Array.isArray(plain)) throw new Error(`${file} must be a JSON array of models`);
  return plain.map((entry: unknown, index) => {
    const checked = validateClass(ReferenceModel, entry);
    const problems = checked.ok ? wrongNames(checked.value) : checked.problems;
    if (!checked.ok || problems.length > 0) throw new Error(`${file} is wrong:\n${describeProblems(problems, `[${index}]`)}`);
    return checked.value;
  });
}

/** The new names are checked by the model store, where they count; here only that they are texts. */
function wrongNames({ files }: ReferenceModel): { path: string; message: string }[] {
  return Object.entries(files)
    .filter(([, name]: [string, unknown]) => typeof name !== 'string')
    .map(([name]) => ({ path: `files.${name}`, message: 'must be a file name' }));
}

async function readPipeline(file: string): Promise<ReferencePipeline> {
  const plain = await readJson(file);
  const checked = validatePipelineManifest(plain);
  if (!checked.ok) throw new Error(`${file} is not a valid pipeline.json:\n${describeProblems(checked.problems)}`);
  return { file, manifest: checked.value, plain };
}

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${file} is no JSON (${(error as Error).message})`, { cause: error });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
