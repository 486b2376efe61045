import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeProblems } from '@function-runner/class-schema';
import { MODEL_CATEGORIES, storeLayout } from '@function-runner/model-manifest';
import { validatePipelineManifest, type PipelineManifest } from '@function-runner/pipeline-schema';

/** The pipelines of the store, and the files that are none, each with why. */
export interface StoredPipelines {
  byId: ReadonlyMap<string, PipelineManifest>;
  faults: readonly string[];
}

/**
 * Reads every pipeline file of the store. A wrong file is reported, not thrown: one author's slip must not stop
 * the other pipelines. Two files with one id are both refused, since nobody can say which is meant.
 */
export async function readPipelines(root: string): Promise<StoredPipelines> {
  const byId = new Map<string, PipelineManifest>();
  const origin = new Map<string, string>();
  const faults: string[] = [];
  for (const category of MODEL_CATEGORIES) {
    const folder = join(root, storeLayout.pipelines(category));
    for (const name of await jsonFiles(folder)) {
      const file = join(folder, name);
      try {
        const checked = validatePipelineManifest(JSON.parse(await readFile(file, 'utf8')));
        if (!checked.ok) {
          faults.push(`${file} is not a valid pipeline.json:\n${describeProblems(checked.problems)}`);
          continue;
        }
        const other = origin.get(checked.value.id);
        if (other !== undefined) {
          faults.push(`${file} has the id "${checked.value.id}" of ${other}; neither is used until one is renamed or removed`);
          byId.delete(checked.value.id);
          continue;
        }
        origin.set(checked.value.id, file);
        byId.set(checked.value.id, checked.value);
      } catch (error) {
        faults.push(`${file} cannot be read as JSON: ${(error as Error).message}`);
      }
    }
  }
  return { byId, faults };
}

async function jsonFiles(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => name.endsWith('.json') && !name.startsWith('.')).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
