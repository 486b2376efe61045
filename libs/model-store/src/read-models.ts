import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { MODEL_CATEGORIES, storeLayout, validateModelManifest, type ModelCategory, type ModelManifest } from '@function-runner/model-manifest';
import { describeProblems } from '@function-runner/class-schema';
import { TaskError } from '@function-runner/task-contract';

/** A model version as it lies in the store. */
export interface InstalledModel {
  manifest: ModelManifest;
  /** Absolute folder of the version. */
  folder: string;
  /** Whether it is the version in use. */
  current: boolean;
}

/** The version in use of a model; undefined where there is none. */
export async function readCurrent(root: string, category: ModelCategory, id: string): Promise<string | undefined> {
  const plain = await readJson(join(root, storeLayout.current(category, id)));
  if (plain === undefined) return undefined;
  const version = typeof plain === 'object' && plain !== null && 'version' in plain ? plain.version : undefined;
  if (typeof version === 'string' && /^[0-9][0-9A-Za-z.-]{0,127}$/.test(version)) return version;
  throw new TaskError('MODEL_CORRUPT', `${storeLayout.current(category, id)} names no version; install the model again`);
}

/**
 * The version in use of a model, whatever its category.
 * @throws TaskError MODEL_NOT_FOUND | MODEL_CORRUPT
 */
export async function findModel(root: string, id: string): Promise<InstalledModel> {
  for (const category of MODEL_CATEGORIES) {
    const version = await readCurrent(root, category, id);
    if (version !== undefined) return { ...(await readVersion(root, category, id, version)), current: true };
  }
  throw new TaskError('MODEL_NOT_FOUND', `the model "${id}" is not in the store ${root}; install it, for the reference models with: npx runner models init`);
}

/** The models of the store, and the folders that hold none, each with why. */
export interface StoredModels {
  models: readonly InstalledModel[];
  faults: readonly string[];
}

/** Reads every version of every model. A damaged one is reported, not thrown: it must not hide the others. */
export async function readModels(root: string): Promise<StoredModels> {
  const models: InstalledModel[] = [];
  const faults: string[] = [];
  for (const category of MODEL_CATEGORIES) {
    for (const id of await folders(join(root, storeLayout.models(category)))) {
      const current = await orFault(readCurrent(root, category, id), faults);
      for (const version of await folders(join(root, storeLayout.model(category, id)))) {
        const found = await orFault(readVersion(root, category, id, version), faults);
        if (found !== undefined) models.push({ ...found, current: version === current });
      }
      if (current !== undefined && !models.some(({ manifest, current: inUse }) => inUse && manifest.id === id && manifest.type === category)) {
        faults.push(`${join(root, storeLayout.current(category, id))} names the version ${current}, which is not there or is damaged; install it, or name another`);
      }
    }
  }
  return { models, faults };
}

/** Every version of every model. @throws TaskError MODEL_CORRUPT where one is damaged. */
export async function listModels(root: string): Promise<readonly InstalledModel[]> {
  const { models, faults } = await readModels(root);
  if (faults.length > 0) throw new TaskError('MODEL_CORRUPT', faults.join('\n'));
  return models;
}

async function orFault<T>(reading: Promise<T>, faults: string[]): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof TaskError)) throw error;
    faults.push(error.message);
    return undefined;
  }
}

async function readVersion(root: string, category: ModelCategory, id: string, version: string): Promise<Omit<InstalledModel, 'current'>> {
  const folder = join(root, storeLayout.version(category, id, version));
  const plain = await readJson(join(folder, 'model.json'));
  if (plain === undefined) throw new TaskError('MODEL_CORRUPT', `${folder} has no model.json; remove the folder and install the model again`);
  const checked = validateModelManifest(plain);
  if (!checked.ok) throw new TaskError('MODEL_CORRUPT', `${folder}/model.json is wrong:\n${describeProblems(checked.problems)}`);
  if (checked.value.id !== id || checked.value.version !== version || checked.value.type !== category) {
    throw new TaskError('MODEL_CORRUPT', `${folder}/model.json is of another model or version than its folder; install the model again`);
  }
  return { manifest: checked.value, folder };
}

/** Names of the folders inside; hidden ones are drafts of an installation. */
async function folders(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map((entry) => entry.name).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (error instanceof SyntaxError) throw new TaskError('MODEL_CORRUPT', `${file} is no JSON (${error.message})`);
    throw error;
  }
}
