import { describe, expect, test } from '@jest/globals';
import { validateModelManifest } from './validate-model-manifest.js';

const file = { name: 'weights.bin', size: 3, hash: `sha256:${'a'.repeat(64)}` };
const good = { id: 'esrgan-slim-x2', name: 'ESRGAN slim', version: '1.0.0', type: 'image', license: 'MIT', requirements: { vram: 0, disk_space: 0.002 }, files: [file] };

describe('validateModelManifest', () => {
  test('takes a right one', () => {
    expect(validateModelManifest(good)).toEqual({ ok: true, value: good });
  });

  test.each<[string, unknown, string]>([
    ['no object', [], ''],
    ['a missing id', { ...good, id: undefined }, 'id'],
    ['an id that is a path', { ...good, id: '../x' }, 'id'],
    ['an id of dots', { ...good, id: '..' }, 'id'],
    ['a version that is none', { ...good, version: '1.0' }, 'version'],
    ['a version with a path', { ...good, version: '1.0.0-../..' }, 'version'],
    ['an unknown type', { ...good, type: 'smell' }, 'type'],
    ['no files', { ...good, files: [] }, 'files'],
    ['a file below a folder', { ...good, files: [{ ...file, name: 'a/b' }] }, 'files[0].name'],
    ['a hidden file', { ...good, files: [{ ...file, name: '.hidden' }] }, 'files[0].name'],
    ['a wrong hash', { ...good, files: [{ ...file, hash: 'md5:x' }] }, 'files[0].hash'],
    ['a negative size', { ...good, files: [{ ...file, size: -1 }] }, 'files[0].size'],
    ['a name twice', { ...good, files: [file, file] }, 'files[1].name'],
    ['names that differ in case only', { ...good, files: [file, { ...file, name: 'WEIGHTS.bin' }] }, 'files[1].name'],
    ['the store’s own name', { ...good, files: [{ ...file, name: 'Model.json' }] }, 'files[0].name'],
    ['an unknown property', { ...good, licence: 'MIT' }, 'licence'],
    ['no requirements', { ...good, requirements: undefined }, 'requirements'],
    ['VRAM that is no number', { ...good, requirements: { vram: '0', disk_space: 1 } }, 'requirements.vram'],
  ])('refuses %s at its place', (_what, plain, path) => {
    const checked = validateModelManifest(plain);
    expect(checked.ok ? [] : checked.problems.map((problem) => problem.path)).toContain(path);
  });
});
