import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { installModel } from './install-model.js';
import { findModel } from './read-models.js';
import { verifyModel } from './verify-model.js';

describe('verifyModel', () => {
  let root: string;
  let weights: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'function-runner-store-'));
    await writeFile(join(root, 'source'), 'hello world');
    await installModel(root, { id: 'm', name: 'm', version: '1.0.0', type: 'image', requirements: { vram: 0, disk_space: 1 } }, [{ from: join(root, 'source'), name: 'w.bin' }]);
    weights = join(root, 'image/models/m/1.0.0/w.bin');
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const faults = async (deep: boolean): Promise<string[]> => verifyModel(await findModel(root, 'm'), deep);

  test('finds nothing wrong with what was just installed', async () => {
    expect([await faults(true), await faults(false)]).toEqual([[], []]);
  });

  test.each<[string, () => Promise<unknown>, string, boolean]>([
    ['cut short', () => truncate(weights, 4), 'has 4 bytes, its manifest says 11', true],
    ['missing', () => rm(weights), 'is missing', true],
    ['with other bytes', () => writeFile(weights, 'hello w0rld'), 'has another sha256 than its manifest says', false],
    ['a folder', async () => { await rm(weights); await mkdir(weights); }, 'is no plain file', true],
    ['a symbolic link, even to the right bytes', async () => { await rename(weights, join(root, 'moved')); await symlink(join(root, 'moved'), weights); }, 'is no plain file', true],
    ['a link to nowhere', async () => { await rm(weights); await symlink('/nowhere', weights); }, 'is no plain file', true],
  ])('finds a file %s', async (_how, damage, fault, quickly) => {
    await damage();
    expect(await faults(true)).toEqual([`${weights} ${fault}`]);
    expect(await faults(false)).toEqual(quickly ? [`${weights} ${fault}`] : []);
  });
});
