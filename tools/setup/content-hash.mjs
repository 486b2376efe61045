// @ts-check
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Every file below a folder, sorted, as paths relative to it.
 * @param {string} folder
 * @param {(relativePath: string) => boolean} [skip] a folder that is skipped is not entered
 * @returns {Promise<string[]>}
 */
export async function filesBelow(folder, skip = () => false) {
  /** @type {string[]} */
  const found = [];
  /** @param {string} at */
  async function walk(at) {
    for (const entry of await readdir(join(folder, at), { withFileTypes: true })) {
      const path = at ? `${at}/${entry.name}` : entry.name;
      if (skip(path)) continue;
      if (entry.isDirectory()) await walk(path);
      else found.push(path);
    }
  }
  await walk('');
  return found.sort();
}

/**
 * A hash of names, contents and the executable bit: what makes a build differ, and nothing else (no times, no owners).
 * @param {readonly { name: string, path: string }[]} files
 * @param {readonly string[]} [words] other things the result depends on
 * @returns {Promise<string>} hex sha256
 */
export async function hashFiles(files, words = []) {
  const hash = createHash('sha256');
  for (const word of words) hash.update(`word ${word.length} ${word}\n`);
  for (const { name, path } of files) {
    const stat = await lstat(path);
    if (stat.isSymbolicLink()) {
      hash.update(`link ${name} ${await readlink(path)}\n`);
      continue;
    }
    hash.update(`file ${name} ${stat.size} ${stat.mode & 0o111 ? 'x' : '-'}\n`);
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  }
  return hash.digest('hex');
}

/**
 * @param {string} folder
 * @param {{ skip?: (relativePath: string) => boolean, words?: readonly string[] }} [options]
 */
export async function hashFolder(folder, { skip, words } = {}) {
  const names = await filesBelow(folder, skip);
  return hashFiles(names.map((name) => ({ name, path: join(folder, name) })), words);
}
