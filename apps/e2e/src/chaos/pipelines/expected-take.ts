import { createHash } from 'node:crypto';
import type { Work } from '../plan/plan-requests.js';

/** A file of a take, by its path in the take's folder. */
export interface ExpectedFile {
  path: string;
  bytes: number;
  /** Hexadecimal. */
  sha256: string;
}

/** What the chaos program must have made of this work, in the order of the paths. */
export function expectedTake({ seed, files, bytes }: Pick<Work, 'seed' | 'files' | 'bytes'>): ExpectedFile[] {
  return Array.from({ length: files }, (_, index) => {
    const text = createHash('sha256').update(`${seed}/${index}`).digest('hex').repeat(Math.ceil(bytes / 64)).slice(0, bytes);
    return { path: index === 0 ? 'note.txt' : `frames/${index}.txt`, bytes, sha256: createHash('sha256').update(text).digest('hex') };
  }).sort((a, b) => (a.path < b.path ? -1 : 1));
}
