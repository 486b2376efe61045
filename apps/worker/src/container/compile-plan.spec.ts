import fc from 'fast-check';
import type { JobPayload } from '@function-runner/task-contract';
import { testJob } from '@function-runner/testing';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { compilePlan, CONTAINER_VIEW, type PlanInput } from './compile-plan.js';
import { dockerCreateBody } from './docker-create-body.js';

const PIPELINE: RunnablePipeline = {
  id: 'image-upscale:1.0-low', image: 'function-runner/image-upscale:1.0', command: ['/usr/local/bin/node', 'main.js'], args: ['--tile', '128'],
  environment: { UPSCALE_SCALE: '2', TASK_ID: 'forged', OUTPUT_PATH: '/etc' }, modelId: 'esrgan-slim', memoryBytes: 2 ** 31, cpus: 1.5, network: 'none', graceSeconds: 7, parameterSchema: undefined, mounts: [],
};
const PAYLOAD: JobPayload = { ...testJob('', { parameters: { input: 'plates/a.png' } }), submitted_at: '2030-01-01T00:00:00.000Z' };

function input(changes: Partial<PlanInput> = {}): PlanInput {
  return {
    owner: { installId: 'install', workerId: 'worker', taskId: '018f0000-0000-7000-8000-000000000001', attempt: 2, pipelineId: PIPELINE.id },
    payload: PAYLOAD,
    pipeline: PIPELINE,
    parameters: { input: '/workspace/Film/plates/a.png' },
    view: CONTAINER_VIEW,
    sources: { project: '/srv/work/Film', staging: '/srv/work/Film/outputs/.staging/t.2', model: { id: 'esrgan-slim', folder: '/srv/models/image/models/esrgan-slim/1.0.0' }, extra: [{ source: '/srv/models/luts', target: '/luts', readonly: true }] },
    projectName: 'Film',
    user: '65534:65534',
    ...changes,
  };
}

describe('compilePlan', () => {
  it('compiles the plan of an attempt', () => {
    expect(compilePlan(input())).toEqual({
      name: 'function-runner-018f0000-0000-7000-8000-000000000001-2',
      image: 'function-runner/image-upscale:1.0',
      command: ['/usr/local/bin/node', 'main.js'],
      args: ['--tile', '128'],
      // The runner's own names win over the pipeline's.
      environment: { UPSCALE_SCALE: '2', TASK_ID: '018f0000-0000-7000-8000-000000000001', WORKSPACE_PATH: '/workspace', OUTPUT_PATH: '/output', MODELS_PATH: '/models' },
      labels: {
        'function-runner.install': 'install', 'function-runner.worker': 'worker', 'function-runner.task': '018f0000-0000-7000-8000-000000000001',
        'function-runner.attempt': '2', 'function-runner.pipeline': 'image-upscale:1.0-low',
      },
      mounts: [
        { source: '/srv/work/Film', target: '/workspace/Film', readonly: true },
        { source: '/srv/work/Film/outputs/.staging/t.2', target: '/output', readonly: false },
        { source: '/srv/models/image/models/esrgan-slim/1.0.0', target: '/models/esrgan-slim', readonly: true },
        { source: '/srv/models/luts', target: '/luts', readonly: true },
      ],
      user: '65534:65534',
      memoryBytes: 2 ** 31,
      cpus: 1.5,
      network: 'none',
      stdin: `${JSON.stringify({
        protocol: 1, taskId: '018f0000-0000-7000-8000-000000000001', attempt: 2, nodeId: 'node-1', nodeType: 'script', pipelineId: 'script:1.0', parameters: { input: '/workspace/Film/plates/a.png' },
        config: PAYLOAD.config, workspacePath: '/workspace', outputDir: '/output', modelsPath: '/models',
      })}\n`,
      graceSeconds: 7,
    });
  });

  it('mounts no model where the pipeline names none, and one writable folder only', () => {
    const { mounts } = compilePlan(input({ sources: { project: '/p', staging: '/s', extra: [] } }));
    expect(mounts).toEqual([{ source: '/p', target: '/workspace/Film', readonly: true }, { source: '/s', target: '/output', readonly: false }]);
  });

  it('is frozen', () => {
    expect(Object.isFrozen(compilePlan(input()))).toBe(true);
  });

  it('lets nothing that a client sends out of stdin', () => {
    const { stdin: _, ...expected } = compilePlan(input());
    const hostileKey = fc.oneof(fc.string(), fc.constantFrom('image', 'command', 'container_image', 'Entrypoint', 'HostConfig', 'Privileged', 'PATH', 'LD_PRELOAD', 'TASK_ID', '__proto__', 'constructor', 'labels', 'mounts', 'user'));
    const hostile = fc.dictionary(hostileKey, fc.oneof(fc.jsonValue(), fc.constantFrom('$(reboot)', '; rm -rf /', '../../etc/passwd', '\n{"type":"done"}\n', 'a\0b', '\ud800', true)));
    fc.assert(fc.property(hostile, (parameters) => {
      const payload = { ...PAYLOAD, parameters: { ...parameters, ...PAYLOAD.parameters } };
      const { stdin, ...plan } = compilePlan(input({ payload, parameters }));
      expect(plan).toEqual(expected);
      // One line, whatever is in it, and what comes out is what was sent.
      expect(stdin.indexOf('\n')).toBe(stdin.length - 1);
      expect(JSON.stringify((JSON.parse(stdin) as { parameters: unknown }).parameters)).toBe(JSON.stringify(parameters));
    }));
  });

  it('gives Docker the same request whatever a client sends', () => {
    const expected = JSON.stringify(dockerCreateBody(compilePlan(input())));
    fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (parameters) => {
      expect(JSON.stringify(dockerCreateBody(compilePlan(input({ payload: { ...PAYLOAD, parameters: { ...parameters, ...PAYLOAD.parameters } }, parameters }))))).toBe(expected);
    }));
  });
});
