import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileSha256 } from './file-hash.js';
import type { InstalledModel } from './read-models.js';

/**
 * What differs between a model's files and its manifest; empty when all is well. Reads every byte when `deep`.
 * A symbolic link is a fault even where it leads to the right bytes: a container that mounts the folder cannot follow it.
 */
export async function verifyModel({ manifest, folder }: InstalledModel, deep: boolean): Promise<string[]> {
  const faults: string[] = [];
  for (const file of manifest.files) {
    const path = join(folder, file.name);
    const found = await look(path);
    if (found === undefined) faults.push(`${path} is missing`);
    else if (!found.isFile()) faults.push(`${path} is no plain file`);
    else if (found.size !== file.size) faults.push(`${path} has ${found.size} bytes, its manifest says ${file.size}`);
    else if (deep && `sha256:${await fileSha256(path)}` !== file.hash) faults.push(`${path} has another sha256 than its manifest says`);
  }
  return faults;
}

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
