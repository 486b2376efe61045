import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compareVersions, storeLayout, validateModelManifest, type ModelManifest } from '@function-runner/model-manifest';
import { describeProblems } from '@function-runner/class-schema';
import { TaskError } from '@function-runner/task-contract';
import { fileSha256 } from './file-hash.js';
import { readCurrent } from './read-models.js';
import { writeJson } from './write-json.js';

/** What is to be installed: everything of a `model.json` but the files, which are measured here. */
export type ModelDescription = Omit<ModelManifest, 'files'>;

/** A file to take into the store under a name. */
export interface SourceFile {
  from: string;
  name: string;
}

/**
 * Installs a version of a model: copies into a folder of its own beside its place, measures, syncs, and moves it
 * there by one rename, so that nothing half installed is ever seen. A version that is there already is left alone.
 */
export async function installModel(root: string, description: ModelDescription, files: readonly SourceFile[]): Promise<'installed' | 'present'> {
  const { type, id, version } = description;
  const home = join(root, storeLayout.model(type, id));
  const target = join(root, storeLayout.version(type, id, version));
  if (await exists(join(target, 'model.json'))) {
    await makeCurrentIfNewest(root, description);
    return 'present';
  }
  await mkdir(home, { recursive: true });
  const draft = join(home, `.installing-${version}-${process.pid}`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft);
  try {
    const measured: ModelManifest['files'] = [];
    for (const { from, name } of files) {
      const to = join(draft, name);
      await copyFile(from, to);
      await sync(to);
      measured.push({ name, size: (await stat(to)).size, hash: `sha256:${await fileSha256(to)}` });
    }
    const checked = validateModelManifest({ ...description, files: measured });
    if (!checked.ok) throw new TaskError('VALIDATION_FAILED', `the model ${id} ${version} cannot be installed:\n${describeProblems(checked.problems)}`);
    await writeJson(join(draft, 'model.json'), checked.value);
    await sync(draft);
    await rename(draft, target);
    await sync(home);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await makeCurrentIfNewest(root, description);
  return 'installed';
}

async function makeCurrentIfNewest(root: string, { type, id, version }: ModelDescription): Promise<void> {
  const current = await readCurrent(root, type, id);
  if (current === undefined || compareVersions(version, current) > 0) await writeJson(join(root, storeLayout.current(type, id)), { version });
}

/** Forces a file or folder to the disk before the rename that shows it. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
