import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TakeFile } from '@function-runner/progress-protocol';
import { TaskError } from '@function-runner/task-contract';
import { mediaTypeOf } from './media-type.js';

/** Files of one take; more is an accident. */
const MAX_FILES = 100_000;

/** Read at a time while hashing. */
const CHUNK_BYTES = 1024 * 1024;

/**
 * Lists the files of a draft with type, size and sha256, and forces them to the disk. The container is gone, so
 * nothing changes under our hands; symbolic links and special files are refused, never followed.
 * @throws TaskError OUTPUT_MISSING | OUTPUT_TOO_LARGE | PROTOCOL_VIOLATION
 */
export async function collectOutputs(
  folder: string,
  announced: readonly { path: string; mediaType: string | undefined }[],
  limitBytes: number,
): Promise<TakeFile[]> {
  const paths = await walk(folder);
  if (paths.length === 0) throw new TaskError('OUTPUT_MISSING', 'the pipeline ended well and left nothing in its output folder');
  const types = new Map(announced.map(({ path, mediaType }) => [path.replace(/^(\.\/)+/, ''), mediaType]));
  const present = new Set(paths);
  for (const path of types.keys()) {
    if (!present.has(path)) throw new TaskError('OUTPUT_MISSING', `the pipeline announced the output ${JSON.stringify(path)}, which is not in its output folder`);
  }
  const files: TakeFile[] = [];
  let total = 0;
  for (const path of paths) {
    const { bytes, sha256 } = await measure(join(folder, path), limitBytes - total);
    total += bytes;
    files.push({ path, mediaType: types.get(path) ?? mediaTypeOf(path), bytes, sha256 });
  }
  return files;
}

/** Relative paths of all files, in order. */
async function walk(root: string): Promise<string[]> {
  const found: string[] = [];
  const visit = async (relative: string): Promise<void> => {
    for (const entry of await readdir(join(root, relative), { withFileTypes: true })) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (entry.isDirectory()) await visit(path);
      else if (entry.isFile()) found.push(path);
      else throw new TaskError('PROTOCOL_VIOLATION', `the output ${JSON.stringify(path)} is a symbolic link or a special file; only files and folders make a take`);
      if (found.length > MAX_FILES) throw new TaskError('OUTPUT_TOO_LARGE', `the take has more than ${MAX_FILES} files`);
    }
  };
  await visit('');
  return found.sort();
}

async function measure(file: string, remaining: number): Promise<{ bytes: number; sha256: string }> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await handle.stat();
    if (size > remaining) throw new TaskError('OUTPUT_TOO_LARGE', 'the take is larger than OUTPUT_LIMIT allows; raise it, or make the pipeline write less');
    const hash = createHash('sha256');
    const buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(1, size)));
    for (;;) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length);
      if (bytesRead === 0) break;
      hash.update(buffer.subarray(0, bytesRead));
    }
    await handle.sync();
    return { bytes: size, sha256: hash.digest('hex') };
  } finally {
    await handle.close();
  }
}
