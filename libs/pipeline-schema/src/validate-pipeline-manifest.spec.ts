import { describe, expect, test } from '@jest/globals';
import { validatePipelineManifest } from './validate-pipeline-manifest.js';

const good = {
  id: 'image-upscale:1.0-low', name: 'Upscale', node_types: ['image_upscale'], model_id: 'esrgan-slim-x2', container_image: 'function-runner/image-upscale:1.0',
  execution: { command: [], args: ['--scale', '2'], environment: { A_1: 'x' } }, resources: { gpu: false, vram: 0, cpu: 1, memory: '2Gi' }, parameters: { type: 'object' }, network: 'none',
  mounts: [{ source: 'image/configs/x', target: '/configs', readonly: true }],
};

describe('validatePipelineManifest', () => {
  test('takes a right one', () => {
    expect(validatePipelineManifest(good)).toEqual({ ok: true, value: good });
  });

  test.each(['job', 'server'])('takes the mode %s', (mode) => {
    const pipeline = { ...good, execution: { ...good.execution, mode } };
    expect(validatePipelineManifest(pipeline)).toEqual({ ok: true, value: pipeline });
  });

  test.each([true, false])('takes a server that says of itself whether projects may share it: %s', (shareable) => {
    const pipeline = { ...good, execution: { ...good.execution, mode: 'server', shareable } };
    expect(validatePipelineManifest(pipeline)).toEqual({ ok: true, value: pipeline });
  });

  test('takes a job that says that it is not shareable', () => {
    const pipeline = { ...good, execution: { ...good.execution, shareable: false } };
    expect(validatePipelineManifest(pipeline)).toEqual({ ok: true, value: pipeline });
  });

  test.each<[string, unknown, string]>([
    ['an id that is a path', { ...good, id: 'a/b' }, 'id'],
    ['an id with two colons', { ...good, id: 'a:b:c' }, 'id'],
    ['a model that is a path', { ...good, model_id: '../x' }, 'model_id'],
    ['an image with an option', { ...good, container_image: '--privileged' }, 'container_image'],
    ['a protocol to come', { ...good, execution: { ...good.execution, protocol: 'cog' } }, 'execution.protocol'],
    ['a mode that is none', { ...good, execution: { ...good.execution, mode: 'batch' } }, 'execution.mode'],
    ['a job that is shareable', { ...good, execution: { ...good.execution, mode: 'job', shareable: true } }, 'execution.shareable'],
    ['one that is shareable and names no mode', { ...good, execution: { ...good.execution, shareable: true } }, 'execution.shareable'],
    ['a server that is perhaps shareable', { ...good, execution: { ...good.execution, mode: 'server', shareable: 'yes' } }, 'execution.shareable'],
    ['an argument that is none', { ...good, execution: { ...good.execution, args: [2] } }, 'execution.args'],
    ['a name of the environment that is none', { ...good, execution: { ...good.execution, environment: { 'A-B': 'x' } } }, 'execution.environment.A-B'],
    ['a value of the environment with NUL', { ...good, execution: { ...good.execution, environment: { A: 'x\0' } } }, 'execution.environment.A'],
    ['a value of the environment that is a number', { ...good, execution: { ...good.execution, environment: { A: 1 } } }, 'execution.environment.A'],
    ['memory without unit', { ...good, resources: { ...good.resources, memory: '16' } }, 'resources.memory'],
    ['no CPU', { ...good, resources: { ...good.resources, cpu: 0 } }, 'resources.cpu'],
    ['a network to the outside', { ...good, network: 'host' }, 'network'],
    ['a mount to write to', { ...good, mounts: [{ source: 'a', target: '/a', readonly: false }] }, 'mounts[0].readonly'],
    ['a mount from above the store', { ...good, mounts: [{ source: '../../etc', target: '/a', readonly: true }] }, 'mounts[0].source'],
    ['a mount from above the store, in the middle', { ...good, mounts: [{ source: 'image/../../x', target: '/a', readonly: true }] }, 'mounts[0].source'],
    ['a mount from anywhere on the host', { ...good, mounts: [{ source: '/etc', target: '/a', readonly: true }] }, 'mounts[0].source'],
    ['a mount to a path that climbs', { ...good, mounts: [{ source: 'a', target: '/a/../output', readonly: true }] }, 'mounts[0].target'],
    ['a mount to nowhere', { ...good, mounts: [{ source: 'a', target: 'a', readonly: true }] }, 'mounts[0].target'],
    ['a parameter schema that is none', { ...good, parameters: { type: 'objekt' } }, 'parameters'],
    ['a typo', { ...good, comand: [] }, 'comand'],
  ])('refuses %s at its place', (_what, plain, path) => {
    const checked = validatePipelineManifest(plain);
    expect(checked.ok ? [] : checked.problems.map((problem) => problem.path)).toContain(path);
  });
});
