import { mkdir, mkdtemp, readFile, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ModelDescription } from '@function-runner/model-manifest';
import { installModel, type SourceFile } from './install-model.js';
import { findModel, listModels, readCurrent, readModels } from './read-models.js';

const description: ModelDescription = { id: 'm', name: 'A model', version: '1.0.0', type: 'image', license: 'MIT', requirements: { vram: 0, disk_space: 0.1 } };
const HELLO_SHA256 = 'sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

describe('installModel', () => {
  let folder: string;
  let root: string;
  let files: SourceFile[];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'function-runner-store-'));
    root = join(folder, 'store');
    await writeFile(join(folder, 'a.bin'), 'hello');
    await writeFile(join(folder, 'b.bin'), 'world');
    files = [{ from: join(folder, 'a.bin'), name: 'topology.json' }, { from: join(folder, 'b.bin'), name: 'b.bin' }];
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  /** Everything below the store's root, hidden things included. */
  async function everything(): Promise<string[]> {
    try {
      return (await readdir(root, { recursive: true })).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  test('installs a version with its measured manifest and makes it the one in use', async () => {
    expect(await installModel(root, description, files)).toBe('installed');
    const version = join(root, 'image/models/m/1.0.0');
    expect((await readdir(version)).sort()).toEqual(['b.bin', 'model.json', 'topology.json']);
    const manifest: unknown = JSON.parse(await readFile(join(version, 'model.json'), 'utf8'));
    expect(manifest).toMatchObject({ ...description, files: [{ name: 'topology.json', size: 5, hash: HELLO_SHA256 }, { name: 'b.bin', size: 5 }] });
    expect(await findModel(root, 'm')).toEqual({ manifest, folder: version, current: true });
    expect(await readdir(join(root, 'image/models/m'))).toEqual(['1.0.0', 'current.json']);
  });

  test('leaves a version that is there alone, without asking for its files', async () => {
    await installModel(root, description, files);
    const asked = await installModel(root, description, () => Promise.reject(new Error('asked')));
    expect(asked).toBe('present');
  });

  test('takes the bytes behind a symbolic link', async () => {
    await symlink(join(folder, 'a.bin'), join(folder, 'link'));
    await installModel(root, description, [{ from: join(folder, 'link'), name: 'a.bin' }]);
    expect((await findModel(root, 'm')).manifest.files[0]?.hash).toBe(HELLO_SHA256);
  });

  test.each<[string, () => SourceFile[]]>([
    ['is missing', () => [...files, { from: join(folder, 'nowhere'), name: 'c.bin' }]],
    ['is a folder', () => [...files, { from: folder, name: 'c.bin' }]],
  ])('leaves nothing to be seen where its last source %s, and installs afterwards', async (_how, broken) => {
    await expect(installModel(root, description, broken())).rejects.toThrow();
    expect(await everything()).toEqual(['image', 'image/models', 'image/models/m']);
    expect((await readModels(root)).models).toEqual([]);
    expect(await installModel(root, description, files)).toBe('installed');
  });

  test('what a killed installation left is never seen, and swept away once it is old', async () => {
    const home = join(root, 'image/models/m');
    const [fresh, old] = [join(home, '.installing-1.0.0-fresh'), join(home, '.installing-1.0.0-old')];
    for (const draft of [fresh, old]) {
      await mkdir(draft, { recursive: true });
      await writeFile(join(draft, 'topology.json'), 'he');
    }
    await utimes(old, new Date(0), new Date(0));
    expect(await readModels(root)).toEqual({ models: [], faults: [] });
    expect(await installModel(root, description, files)).toBe('installed');
    expect((await readdir(home)).sort()).toEqual(['.installing-1.0.0-fresh', '1.0.0', 'current.json']);
  });

  test('a version installed without becoming the one in use, by a crash between the two, becomes it next time', async () => {
    await installModel(root, description, files);
    await rm(join(root, 'image/models/m/current.json'));
    await expect(findModel(root, 'm')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(await installModel(root, description, files)).toBe('present');
    expect((await findModel(root, 'm')).manifest.version).toBe('1.0.0');
  });

  test('many at once: each says how it went, and one whole version is there', async () => {
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => installModel(root, description, files)));
    expect(outcomes.filter((outcome) => outcome === 'installed')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'present')).toHaveLength(5);
    expect(await readdir(join(root, 'image/models/m'))).toEqual(['1.0.0', 'current.json']);
    expect(await listModels(root)).toHaveLength(1);
  });

  test('a folder of that version without manifest is named, not overwritten', async () => {
    await mkdir(join(root, 'image/models/m/1.0.0'), { recursive: true });
    await writeFile(join(root, 'image/models/m/1.0.0/mine.bin'), 'x');
    await expect(installModel(root, description, files)).rejects.toMatchObject({ code: 'MODEL_CORRUPT', message: expect.stringContaining('remove the folder') });
    expect(await readFile(join(root, 'image/models/m/1.0.0/mine.bin'), 'utf8')).toBe('x');
  });

  test.each([['1.0.0', '2.0.0', '2.0.0'], ['2.0.0', '1.0.0', '2.0.0'], ['1.10.0', '1.9.0', '1.10.0'], ['1.0.0-rc.1', '1.0.0', '1.0.0']])('after %s and %s, %s is in use and both are there', async (first, second, inUse) => {
    await installModel(root, { ...description, version: first }, files);
    await installModel(root, { ...description, version: second }, files);
    expect(await readCurrent(root, 'image', 'm')).toBe(inUse);
    const models = await listModels(root);
    expect(models.map(({ manifest, current }) => [manifest.version, current]).sort()).toEqual([[first, first === inUse], [second, second === inUse]].sort());
  });

  test.each<[string, Partial<ModelDescription>, (given: SourceFile[]) => SourceFile[], RegExp]>([
    ['names that a file system may fold into one', {}, ([file]) => [{ from: file?.from ?? '', name: 'A.bin' }, { from: file?.from ?? '', name: 'a.bin' }], /files\[1\]\.name: stands twice, or differs only in case/],
    ['the name of the manifest', {}, ([file]) => [{ from: file?.from ?? '', name: 'MODEL.json' }], /keeps itself/],
    ['a name that leads elsewhere', {}, ([file]) => [{ from: file?.from ?? '', name: '../../evil' }], /must be a plain file name/],
    ['an id that leads elsewhere', { id: '../../evil' }, (given) => given, /must be a model id/],
    ['a version that leads elsewhere', { version: '../1' }, (given) => given, /semantic version/],
    ['an unknown category', { type: '../image' as 'image' }, (given) => given, /type/],
    ['no files', {}, () => [], /files/],
  ])('refuses %s before it writes anything', async (_what, change, sources, message) => {
    const refused = expect(installModel(root, { ...description, ...change }, sources(files))).rejects;
    await refused.toMatchObject({ code: 'VALIDATION_FAILED', message: expect.stringMatching(message) });
    expect(await everything()).toEqual([]);
    expect((await readdir(folder)).sort()).toEqual(['a.bin', 'b.bin']);
  });
});
