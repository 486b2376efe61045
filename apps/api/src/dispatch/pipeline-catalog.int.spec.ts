import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PipelineCatalog } from './pipeline-catalog.js';

const MANIFEST = {
  id: 'blur:1.0', name: 'Blur', model_id: 'none', container_image: 'a/blur:1', execution: { command: [], args: [], environment: {} },
  resources: { gpu: false, vram: 0, cpu: 1, memory: '1Gi' }, mounts: [], parameters: { type: 'object', required: ['input'] },
};

let root: string;

beforeAll(async () => {
  Logger.overrideLogger(false);
  root = await mkdtemp(join(tmpdir(), 'function-runner-catalog-'));
});

afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

test('an absent store is empty; what appears, changes or breaks is taken in; what was compiled validates', async () => {
  const catalog = new PipelineCatalog(join(root, 'store'));
  await catalog.refresh();
  expect(catalog.describe('blur:1.0')).toBeUndefined();
  const folder = join(root, 'store', 'image', 'pipelines');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'blur.json'), JSON.stringify(MANIFEST));
  await catalog.refresh();
  expect(catalog.describe('blur:1.0')?.container_image).toBe('a/blur:1');
  expect(catalog.parameterSchema('blur:1.0')?.problems({})).toEqual([{ path: 'parameters.input', message: 'is missing' }]);
  await writeFile(join(folder, 'blur.json'), JSON.stringify({ ...MANIFEST, container_image: 'a/blur:1.2.3' }));
  await catalog.refresh();
  expect(catalog.describe('blur:1.0')?.container_image).toBe('a/blur:1.2.3');
  await writeFile(join(folder, 'blur.json'), '{ broken');
  await catalog.refresh();
  expect(catalog.describe('blur:1.0')).toBeUndefined();
});
