import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describeProblems } from '@function-runner/class-schema';
import { storeLayout, type ModelCategory } from '@function-runner/model-manifest';
import { validatePipelineManifest } from '@function-runner/pipeline-schema';
import { TaskError } from '@function-runner/task-contract';
import { writeJson } from './write-json.js';

/**
 * Puts a pipeline file into the store. One that is there and differs was changed by the operator, or is of an
 * older release: it is kept unless `replace`.
 */
export async function installPipeline(root: string, category: ModelCategory, plain: unknown, replace = false): Promise<'installed' | 'present' | 'kept'> {
  const checked = validatePipelineManifest(plain);
  if (!checked.ok) throw new TaskError('VALIDATION_FAILED', `the pipeline cannot be installed:\n${describeProblems(checked.problems)}`);
  const file = join(root, storeLayout.pipeline(category, checked.value.id));
  const existing = await readText(file);
  if (existing !== undefined) {
    if (existing === `${JSON.stringify(plain, null, 2)}\n`) return 'present';
    if (!replace) return 'kept';
  }
  await mkdir(dirname(file), { recursive: true });
  await writeJson(file, plain);
  return 'installed';
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
