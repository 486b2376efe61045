import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { SourceFile } from '@function-runner/model-store';
import type { ReferenceModel } from './reference-model.js';

/**
 * The files of a reference model in its npm package, under the names they get in the store.
 * @throws Error saying `npm ci` where the package is not installed in the pinned version, or naming a file that is not there.
 */
export async function packageFiles(pipelineFolder: string, { id, source, files }: ReferenceModel): Promise<SourceFile[]> {
  const home = await packageFolder(pipelineFolder, id, source.package, source.version);
  const folder = join(home, source.folder);
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name).sort();
  const missing = Object.keys(files).find((name) => !names.includes(name));
  if (missing !== undefined) throw new Error(`the model ${id} names the file ${missing}, which is not in ${folder}; mend the "files" of its entry in models.json`);
  return names.map((name) => ({ from: join(folder, name), name: files[name] ?? name }));
}

/** Looked up by folder, since a package whose `exports` leave out its package.json cannot be resolved by name. */
async function packageFolder(pipelineFolder: string, model: string, name: string, version: string): Promise<string> {
  for (const modules of createRequire(join(pipelineFolder, 'package.json')).resolve.paths(name) ?? []) {
    const folder = join(modules, name);
    const found = await packageVersion(folder);
    if (found === version) return folder;
    if (found !== undefined) throw new Error(`the model ${model} needs ${name} ${version}, but ${found} is installed; run: npm ci`);
  }
  throw new Error(`the model ${model} needs the package ${name} ${version}, which is not installed; run: npm ci`);
}

async function packageVersion(folder: string): Promise<string | undefined> {
  try {
    const plain: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    return typeof plain === 'object' && plain !== null && 'version' in plain && typeof plain.version === 'string' ? plain.version : 'an unknown version';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
