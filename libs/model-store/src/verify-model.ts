import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSha256 } from './file-hash.js';
import type { InstalledModel } from './read-models.js';

/** What differs between a model's files and its manifest; empty when all is well. Reads every byte when `deep`. */
export async function verifyModel({ manifest, folder }: InstalledModel, deep: boolean): Promise<string[]> {
  const faults: string[] = [];
  for (const file of manifest.files) {
    const path = join(folder, file.name);
    const size = await sizeOf(path);
    if (size === undefined) faults.push(`${path} is missing`);
    else if (size !== file.size) faults.push(`${path} has ${size} bytes, its manifest says ${file.size}`);
    else if (deep && `sha256:${await fileSha256(path)}` !== file.hash) faults.push(`${path} has another sha256 than its manifest says`);
  }
  return faults;
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
