import { ParameterSchema } from '@function-runner/pipeline-schema';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { servingKey } from './serving-key.js';

const PIPELINE: RunnablePipeline = {
  id: 'p:1.0', mode: 'server', shareable: false, image: 'me/p:1', command: ['/bin/p'], args: ['--tile', '128'], environment: { SCALE: '2' }, modelId: 'm', memoryBytes: 2 ** 28, cpus: 1, network: 'none', graceSeconds: 5,
  parameterSchema: undefined, mounts: [{ source: 'luts', target: '/luts' }],
};
const KEY = servingKey('Film', PIPELINE, '1.0.0');

describe('servingKey', () => {
  it.each<[string, string]>([
    ['the project', servingKey('Film 2', PIPELINE, '1.0.0')],
    ['whether it serves one project or any', servingKey(undefined, PIPELINE, '1.0.0')],
    ['the version of the model', servingKey('Film', PIPELINE, '1.0.1')],
    ['no model', servingKey('Film', PIPELINE, undefined)],
    ...Object.entries<Partial<RunnablePipeline>>({
      'the pipeline': { id: 'p:1.1' }, 'the image': { image: 'me/p:2' }, 'the command': { command: ['/bin/q'] }, 'the arguments': { args: ['--tile', '256'] }, 'their order': { args: ['128', '--tile'] },
      'the environment': { environment: { SCALE: '4' } }, 'the model': { modelId: 'n' }, 'the memory': { memoryBytes: 2 ** 29 }, 'the cores': { cpus: 2 }, 'the network': { network: 'internal' },
      'the grace': { graceSeconds: 6 }, 'whether it may be shared': { shareable: true }, 'the mounts': { mounts: [] },
    }).map(([name, changes]): [string, string] => [name, servingKey('Film', { ...PIPELINE, ...changes }, '1.0.0')]),
  ])('differs where %s differs', (_, key) => expect(key).not.toBe(KEY));

  it('is the same for what does not change how a container runs: the schema of the parameters', () => {
    const schema = new ParameterSchema({ type: 'object', properties: { strength: { type: 'number' } } });
    expect(servingKey('Film', { ...PIPELINE, parameterSchema: schema }, '1.0.0')).toBe(KEY);
    expect(servingKey('Film', structuredClone(PIPELINE), '1.0.0')).toBe(KEY);
  });

  it('is the same for all projects that one container serves', () => {
    expect(servingKey(undefined, PIPELINE, '1.0.0')).toBe(servingKey(undefined, structuredClone(PIPELINE), '1.0.0'));
    expect(servingKey(undefined, PIPELINE, '1.0.0')).not.toBe(servingKey('null', PIPELINE, '1.0.0'));
  });

  it('keeps a project’s name apart from what follows it', () => {
    expect(servingKey('a', { ...PIPELINE, id: 'b' }, undefined)).not.toBe(servingKey('a","b', { ...PIPELINE, id: '' }, undefined));
  });
});
