import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of one test, symbolic links in its path resolved, and how to remove it. */
export interface TempFolder {
  path: string;
  remove(): Promise<void>;
}

export async function tempFolder(): Promise<TempFolder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'function-runner-test-')));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
