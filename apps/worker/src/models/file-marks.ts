import { lstat } from 'node:fs/promises';

/** What tells whether these files are the very ones that were looked at before: inode, size and times of each, or that it is not there. */
export async function fileMarks(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(markOf))).join();
}

async function markOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await lstat(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(':');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return '-';
    throw error;
  }
}
