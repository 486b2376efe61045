import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { initStore } from './init-store.js';

const CATEGORIES = ['image', 'video', 'audio', 'language'];

describe('initStore', () => {
  let root: string;
  beforeEach(async () => { root = join(await mkdtemp(join(tmpdir(), 'function-runner-store-')), 'Library', 'AI_Models'); });
  afterEach(() => rm(join(root, '..', '..'), { recursive: true, force: true }));

  test('makes the structure of the protocol, a README at its root and in each category', async () => {
    await initStore(root);
    for (const category of CATEGORIES) {
      for (const folder of ['models', 'pipelines', 'configs']) expect((await stat(join(root, category, folder))).isDirectory()).toBe(true);
      expect(await readFile(join(root, category, 'README.md'), 'utf8')).toContain(`# ${category}`);
    }
    expect(await readFile(join(root, 'README.md'), 'utf8')).toContain('npx runner models verify');
  });

  test('says what it made, and makes nothing the second time', async () => {
    expect((await initStore(root)).created).toHaveLength(17);
    expect((await initStore(root)).created).toEqual([]);
  });

  test('leaves what a person wrote, and mends what is missing', async () => {
    await initStore(root);
    await writeFile(join(root, 'README.md'), 'mine');
    await rm(join(root, 'audio', 'configs'), { recursive: true });
    expect((await initStore(root)).created).toEqual(['audio/configs']);
    expect(await readFile(join(root, 'README.md'), 'utf8')).toBe('mine');
  });

  test('may run many times at once', async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => initStore(root)));
    expect(made.flatMap(({ created }) => created).filter((name) => name.endsWith('README.md'))).toHaveLength(5);
  });
});
