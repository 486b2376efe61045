import { validatePipelineManifest, type PipelineManifest } from '@function-runner/pipeline-schema';
import { testJob } from '@function-runner/testing';
import { runnablePipeline, undescribedPipeline } from './runnable-pipeline.js';

const PLAIN = {
  id: 'script:1.0', name: 'x', model_id: 'm', container_image: 'store/image:2', execution: { command: ['run'], args: ['-v'], environment: { A: '1' } },
  resources: { gpu: false, vram: 0, cpu: 0.5, memory: '512Mi' }, mounts: [],
};

function manifest(changes: Record<string, unknown> = {}): PipelineManifest {
  const checked = validatePipelineManifest({ ...PLAIN, ...changes });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return checked.value;
}

describe('runnablePipeline', () => {
  it('runs the tier’s image by the defaults where the store has no pipeline.json', () => {
    expect(undescribedPipeline(testJob('', { image: 'tier/image:1' }), 1024)).toEqual({
      id: 'script:1.0', mode: 'job', shareable: false, image: 'tier/image:1', command: [], args: [], environment: {}, modelId: undefined, memoryBytes: 1024, cpus: 2, network: 'none', graceSeconds: 5, parameterSchema: undefined, mounts: [],
    });
  });

  it('takes everything from the pipeline.json where there is one', () => {
    expect(runnablePipeline(manifest())).toEqual({
      id: 'script:1.0', mode: 'job', shareable: false, image: 'store/image:2', command: ['run'], args: ['-v'], environment: { A: '1' }, modelId: 'm', memoryBytes: 512 * 1024 ** 2, cpus: 0.5, network: 'none', graceSeconds: 5, parameterSchema: undefined, mounts: [],
    });
  });

  it('takes what is optional too', () => {
    const pipeline = runnablePipeline(manifest({
      network: 'internal', execution: { ...PLAIN.execution, cancel_grace_seconds: 0, mode: 'server', shareable: true }, mounts: [{ source: 'luts', target: '/luts', readonly: true }],
      parameters: { type: 'object', properties: { input: { type: 'string', format: 'project-path' } } },
    }));
    expect([pipeline.mode, pipeline.shareable, pipeline.network, pipeline.graceSeconds, pipeline.mounts.length, pipeline.parameterSchema?.pathParameters]).toEqual(['server', true, 'internal', 0, 1, ['input']]);
  });
});
