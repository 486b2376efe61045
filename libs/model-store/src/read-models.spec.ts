import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { installModel } from './install-model.js';
import { findModel, listModels, readModels } from './read-models.js';

describe('reading the models of a store', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'function-runner-store-'));
    await writeFile(join(root, 'source'), 'hello');
    for (const id of ['good', 'bad']) await installModel(root, { id, name: id, version: '1.0.0', type: 'audio', requirements: { vram: 0, disk_space: 1 } }, [{ from: join(root, 'source'), name: 'w.bin' }]);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const bad = (file: string): string => join(root, 'audio/models/bad', file);

  test('of one that is not there is empty, and finding says how to install', async () => {
    expect(await readModels(join(root, 'nowhere'))).toEqual({ models: [], faults: [] });
    await expect(findModel(root, 'other')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', message: expect.stringContaining('npx runner models init') });
  });

  test.each<[string, () => Promise<unknown>, RegExp]>([
    ['no manifest', () => rm(bad('1.0.0/model.json')), /has no model\.json/],
    ['a manifest that is no JSON', () => writeFile(bad('1.0.0/model.json'), '{'), /is no JSON/],
    ['a wrong manifest', () => writeFile(bad('1.0.0/model.json'), '{}'), /model\.json is wrong:\n/],
    ['the manifest of another', async () => writeFile(bad('1.0.0/model.json'), await readFile(join(root, 'audio/models/good/1.0.0/model.json'))), /of another model or version/],
    ['a version in use that is not there', () => writeFile(bad('current.json'), '{"version":"9.9.9"}'), /9\.9\.9/],
    ['a version in use that is a path', () => writeFile(bad('current.json'), '{"version":".."}'), /names no version/],
    ['a current.json that is no JSON', () => writeFile(bad('current.json'), ''), /is no JSON/],
  ])('with %s reports it and hides no other', async (_what, damage, fault) => {
    await damage();
    const { models, faults } = await readModels(root);
    expect(models.map(({ manifest }) => manifest.id)).toContain('good');
    expect(faults.join('\n')).toMatch(fault);
    await expect(findModel(root, 'bad')).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    await expect(listModels(root)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
    expect((await findModel(root, 'good')).manifest.id).toBe('good');
  });

  test('files beside the folders don’t disturb', async () => {
    await writeFile(join(root, 'audio/models/notes.txt'), 'x');
    await mkdir(join(root, 'audio/models/.hidden'));
    expect(await listModels(root)).toHaveLength(2);
  });
});
