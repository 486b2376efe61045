import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { compareVersions, storeLayout, validateModelManifest, type ModelDescription, type ModelManifest } from '@function-runner/model-manifest';
import { describeProblems } from '@function-runner/class-schema';
import { TaskError } from '@function-runner/task-contract';
import { fileSha256 } from './file-hash.js';
import { readCurrent } from './read-models.js';
import { writeJson } from './write-json.js';

/** A file to take into the store under a name. */
export interface SourceFile {
  from: string;
  name: string;
}

const DRAFT_PREFIX = '.installing-';

/** A draft that nobody has touched for a day is what a killed installation left; no copy of one file takes that long. */
const STALE_DRAFT_MS = 86_400_000;

/**
 * Installs a version of a model: copies into a folder of its own beside its place, measures, syncs, and moves it
 * there by one rename, so that nothing half installed is ever seen. A version that is there already is left alone,
 * and `files` given as a function is then not called. Several may install at once: one wins, the others find it present.
 * @throws TaskError VALIDATION_FAILED before anything is written, where description or names are wrong.
 */
export async function installModel(
  root: string,
  description: ModelDescription,
  files: readonly SourceFile[] | (() => Promise<readonly SourceFile[]>),
): Promise<'installed' | 'present'> {
  checkManifest(description, [{ name: 'a', size: 0, hash: `sha256:${'0'.repeat(64)}` }]);
  const { type, id, version } = description;
  const home = join(root, storeLayout.model(type, id));
  const target = join(root, storeLayout.version(type, id, version));
  if (await isFile(join(target, 'model.json'))) {
    await makeCurrentIfNewest(root, description);
    return 'present';
  }
  const sources = typeof files === 'function' ? await files() : files;
  checkManifest(description, sources.map(({ name }) => ({ name, size: 0, hash: `sha256:${'0'.repeat(64)}` })));
  await mkdir(home, { recursive: true });
  await sweepDrafts(home);
  const draft = join(home, `${DRAFT_PREFIX}${version}-${randomUUID()}`);
  await mkdir(draft);
  try {
    const measured: ModelManifest['files'] = [];
    for (const { from, name } of sources) {
      const to = join(draft, name);
      await copyFile(from, to, constants.COPYFILE_EXCL);
      await sync(to);
      measured.push({ name, size: (await stat(to)).size, hash: `sha256:${await fileSha256(to)}` });
    }
    await writeJson(join(draft, 'model.json'), checkManifest(description, measured));
    await sync(draft);
    const moved = await moveIntoPlace(draft, target);
    await sync(home);
    await makeCurrentIfNewest(root, description);
    return moved ? 'installed' : 'present';
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

function checkManifest(description: ModelDescription, files: ModelManifest['files']): ModelManifest {
  const checked = validateModelManifest({ ...description, files });
  if (checked.ok) return checked.value;
  throw new TaskError('VALIDATION_FAILED', `the model ${description.id} ${description.version} cannot be installed:\n${describeProblems(checked.problems)}`);
}

/** `false` where somebody else's copy of the same version was there first. */
async function moveIntoPlace(draft: string, target: string): Promise<boolean> {
  try {
    await rename(draft, target);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    if (await isFile(join(target, 'model.json'))) return false;
    throw new TaskError('MODEL_CORRUPT', `${target} has files but no model.json; remove the folder and install the model again`, undefined, { cause: error });
  }
}

async function makeCurrentIfNewest(root: string, { type, id, version }: ModelDescription): Promise<void> {
  const current = await readCurrent(root, type, id);
  if (current === undefined || compareVersions(version, current) > 0) await writeJson(join(root, storeLayout.current(type, id)), { version });
}

/** Removes what killed installations left behind. */
async function sweepDrafts(home: string): Promise<void> {
  for (const name of await readdir(home)) {
    if (!name.startsWith(DRAFT_PREFIX)) continue;
    const draft = join(home, name);
    const age = Date.now() - ((await stat(draft).catch(ignoreMissing))?.mtimeMs ?? Date.now());
    if (age > STALE_DRAFT_MS) await rm(draft, { recursive: true, force: true });
  }
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

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(ignoreMissing))?.isFile() ?? false;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
  throw error;
}
