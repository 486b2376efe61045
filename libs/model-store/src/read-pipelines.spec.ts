import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { initStore } from './init-store.js';
import { installPipeline } from './install-pipeline.js';
import { readPipelines } from './read-pipelines.js';

const pipeline = {
  id: 'upscale:1.0-low', name: 'Upscale', model_id: 'm', container_image: 'a/b:1', execution: { command: [], args: [], environment: {} }, resources: { gpu: false, vram: 0, cpu: 1, memory: '1Gi' }, mounts: [],
};

describe('the pipelines of a store', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'function-runner-store-'));
    await initStore(root);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const folder = (): string => join(root, 'image/pipelines');

  test('are installed once, and read back', async () => {
    expect(await installPipeline(root, 'image', pipeline)).toBe('installed');
    expect(await installPipeline(root, 'image', pipeline)).toBe('present');
    expect(await readdir(folder())).toEqual(['upscale-1.0-low.json']);
    const { byId, faults } = await readPipelines(root);
    expect([...byId]).toEqual([['upscale:1.0-low', pipeline]]);
    expect(faults).toEqual([]);
  });

  test('keep what an operator changed, unless told to replace it', async () => {
    await installPipeline(root, 'image', { ...pipeline, name: 'Mine' });
    expect(await installPipeline(root, 'image', pipeline)).toBe('kept');
    expect(await readFile(join(folder(), 'upscale-1.0-low.json'), 'utf8')).toContain('Mine');
    expect(await installPipeline(root, 'image', pipeline, true)).toBe('installed');
    expect(await installPipeline(root, 'image', pipeline)).toBe('present');
  });

  test('are refused where they are wrong', async () => {
    await expect(installPipeline(root, 'image', { ...pipeline, id: '../../evil' })).rejects.toMatchObject({ code: 'VALIDATION_FAILED', message: expect.stringContaining('id: must be a pipeline id') });
    expect(await readdir(folder())).toEqual([]);
  });

  test('hide no other where one file is wrong', async () => {
    await installPipeline(root, 'image', pipeline);
    await writeFile(join(folder(), 'broken.json'), '{');
    await writeFile(join(folder(), 'wrong.json'), JSON.stringify({ ...pipeline, id: 'x', mounts: 1 }));
    await writeFile(join(folder(), 'notes.txt'), 'x');
    const { byId, faults } = await readPipelines(root);
    expect([...byId.keys()]).toEqual(['upscale:1.0-low']);
    expect(faults).toHaveLength(2);
    expect(faults[0]).toMatch(/broken\.json cannot be read as JSON/);
    expect(faults[1]).toMatch(/wrong\.json is not a valid pipeline\.json:\nmounts/);
  });

  test('are both refused where two have one id, whatever their category', async () => {
    for (const [category, name] of [['image', 'a'], ['image', 'b'], ['video', 'c']]) await writeFile(join(root, category ?? '', 'pipelines', `${name}.json`), JSON.stringify(pipeline));
    const { byId, faults } = await readPipelines(root);
    expect(byId.size).toBe(0);
    expect(faults).toHaveLength(2);
  });

  test('of a store that is not there are none', async () => {
    expect(await readPipelines(join(root, 'nowhere'))).toEqual({ byId: new Map(), faults: [] });
  });
});
