import fc from 'fast-check';
import type { JobPayload } from '@function-runner/task-contract';
import { testJob } from '@function-runner/testing';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { compilePlan, compileServingPlan, CONTAINER_VIEW, taskLine, type PlanInput, type ServingPlanInput } from './compile-plan.js';
import { dockerCreateBody } from './docker-create-body.js';

const PIPELINE: RunnablePipeline = {
  id: 'image-upscale:1.0-low', mode: 'job', image: 'function-runner/image-upscale:1.0', command: ['/usr/local/bin/node', 'main.js'], args: ['--tile', '128'],
  environment: { UPSCALE_SCALE: '2', TASK_ID: 'forged', OUTPUT_PATH: '/etc', NVIDIA_VISIBLE_DEVICES: 'all' }, modelId: 'esrgan-slim', memoryBytes: 2 ** 31, cpus: 1.5, network: 'none', graceSeconds: 7, shareable: false, parameterSchema: undefined, mounts: [],
};
const PAYLOAD: JobPayload = { ...testJob('', { parameters: { input: 'plates/a.png' } }), submitted_at: '2030-01-01T00:00:00.000Z' };

function input(changes: Partial<PlanInput> = {}): PlanInput {
  return {
    owner: { installId: 'install', workerId: 'worker', taskId: '018f0000-0000-7000-8000-000000000001', attempt: 2, pipelineId: PIPELINE.id, leaseId: 'lease', serving: undefined },
    payload: PAYLOAD,
    pipeline: PIPELINE,
    parameters: { input: '/workspace/Film/plates/a.png' },
    view: CONTAINER_VIEW,
    sources: { project: '/srv/work/Film', staging: '/srv/work/Film/outputs/.staging/t.2', model: { id: 'esrgan-slim', folder: '/srv/models/image/models/esrgan-slim/1.0.0' }, extra: [{ source: '/srv/models/luts', target: '/luts', readonly: true }] },
    projectName: 'Film',
    devices: { ids: [], real: false },
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
      environment: { UPSCALE_SCALE: '2', TASK_ID: '018f0000-0000-7000-8000-000000000001', WORKSPACE_PATH: '/workspace', OUTPUT_PATH: '/output', MODELS_PATH: '/models', NVIDIA_VISIBLE_DEVICES: 'void' },
      labels: {
        'function-runner.install': 'install', 'function-runner.worker': 'worker', 'function-runner.task': '018f0000-0000-7000-8000-000000000001',
        'function-runner.attempt': '2', 'function-runner.pipeline': 'image-upscale:1.0-low', 'function-runner.lease': 'lease',
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
      devices: { ids: [], real: false },
      stdin: `${JSON.stringify({
        protocol: 1, taskId: '018f0000-0000-7000-8000-000000000001', attempt: 2, nodeId: 'node-1', nodeType: 'script', pipelineId: 'script:1.0', parameters: { input: '/workspace/Film/plates/a.png' },
        config: PAYLOAD.config, workspacePath: '/workspace', outputDir: '/output', modelsPath: '/models',
      })}\n`,
      scratch: undefined,
      keepsLog: true,
      graceSeconds: 7,
    });
  });

  it('mounts no model where the pipeline names none, and one writable folder only', () => {
    const { mounts } = compilePlan(input({ sources: { project: '/p', staging: '/s', extra: [] } }));
    expect(mounts).toEqual([{ source: '/p', target: '/workspace/Film', readonly: true }, { source: '/s', target: '/output', readonly: false }]);
  });

  it.each([true, false])('shows the devices that are leased for it and no other, whatever the pipeline says (real: %s)', (real) => {
    const devices = { ids: ['GPU-1a', 'GPU-2b'], real };
    const { environment, ...plan } = compilePlan(input({ devices }));
    const { environment: own, ...ownPlan } = compilePlan(input());
    expect(environment).toEqual({ ...own, NVIDIA_VISIBLE_DEVICES: 'GPU-1a,GPU-2b' });
    expect(plan).toEqual({ ...ownPlan, devices });
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

describe('compileServingPlan', () => {
  const { payload: _, parameters: __, ...shape } = input();
  const servingInput = (changes: Partial<ServingPlanInput> = {}): ServingPlanInput => ({
    ...shape, owner: { ...shape.owner, serving: { projectName: 'Film', folderName: 'serving-7' } }, sources: { ...shape.sources, staging: '/srv/work/Film/outputs/.staging/serving-7/out' },
    servingId: '7', scratch: '/srv/work/Film/outputs/.staging/serving-7/tmp', ...changes,
  });

  it('compiles the plan of a container that outlives its tasks: an attempt’s own, less all that is the task’s', () => {
    const own = compilePlan(input());
    expect(compileServingPlan(servingInput())).toEqual({
      ...own,
      name: 'function-runner-serving-7',
      // No TASK_ID: it is another one each time, and the pipeline’s own word for it is not the runner’s.
      environment: { UPSCALE_SCALE: '2', TASK_ID: 'forged', WORKSPACE_PATH: '/workspace', OUTPUT_PATH: '/output', MODELS_PATH: '/models', NVIDIA_VISIBLE_DEVICES: 'void' },
      labels: { 'function-runner.install': 'install', 'function-runner.worker': 'worker', 'function-runner.pipeline': 'image-upscale:1.0-low', 'function-runner.lease': 'lease', 'function-runner.serving': 'Film/serving-7' },
      mounts: own.mounts.map((mount) => (mount.target === '/output' ? { ...mount, source: '/srv/work/Film/outputs/.staging/serving-7/out' } : mount)),
      stdin: '',
      scratch: '/srv/work/Film/outputs/.staging/serving-7/tmp',
      keepsLog: false,
    });
  });

  it('shows the devices that are leased for it', () => {
    const { environment, devices } = compileServingPlan(servingInput({ devices: { ids: ['MIG-1a'], real: true } }));
    expect(environment).toMatchObject({ NVIDIA_VISIBLE_DEVICES: 'MIG-1a' });
    expect(devices).toEqual({ ids: ['MIG-1a'], real: true });
  });

  it('shows one that serves any project the workspace, read-only, less what is covered and what is mounted in it', () => {
    const { sources } = servingInput();
    const plan = compileServingPlan(servingInput({
      owner: { ...servingInput().owner, serving: { projectName: undefined, folderName: 'serving-7' } }, projectName: '', sources: { ...sources, project: '/srv/work' },
      covered: { names: ['.function-runner', 'Library/AI_Models'], by: '/srv/work/.function-runner/serving-7/empty' },
    }));
    expect(plan.mounts.slice(0, 4)).toEqual([
      { source: '/srv/work', target: '/workspace', readonly: true, alone: true },
      { source: '/srv/work/.function-runner/serving-7/empty', target: '/workspace/.function-runner', readonly: true },
      { source: '/srv/work/.function-runner/serving-7/empty', target: '/workspace/Library/AI_Models', readonly: true },
      { source: sources.staging, target: '/output', readonly: false },
    ]);
    expect(plan.labels['function-runner.serving']).toBe('/serving-7');
    expect(plan.mounts.filter(({ readonly }) => !readonly)).toHaveLength(1);
  });

  it('is frozen, and the same whichever task starts it', () => {
    const plan = compileServingPlan(servingInput());
    expect(Object.isFrozen(plan)).toBe(true);
    expect(compileServingPlan(servingInput({ owner: { ...servingInput().owner, taskId: 'another', attempt: 9 } }))).toEqual(plan);
  });

  it('asks Docker for the scratch folder as /tmp, and for nothing else that an own container has not', () => {
    const { HostConfig: { Mounts, Tmpfs, LogConfig, ...host } = {} } = dockerCreateBody(compileServingPlan(servingInput()));
    const { HostConfig: { Mounts: ownMounts, Tmpfs: ownTmpfs, LogConfig: _, ...ownHost } = {} } = dockerCreateBody(compilePlan(input()));
    expect(host).toEqual(ownHost);
    // Its conversation is held by no log: a container that was cut off is not gone on with.
    expect(LogConfig).toEqual({ Type: 'none', Config: {} });
    expect(Tmpfs).toBeUndefined();
    expect(ownTmpfs).toHaveProperty(['/tmp']);
    expect(Mounts?.at(-1)).toEqual({ Type: 'bind', Source: '/srv/work/Film/outputs/.staging/serving-7/tmp', Target: '/tmp', ReadOnly: false, BindOptions: { Propagation: 'rprivate' } });
    expect(Mounts?.filter(({ ReadOnly }) => !ReadOnly).map(({ Target }) => Target)).toEqual(['/output', '/tmp']);
    expect(Mounts).toHaveLength((ownMounts?.length ?? 0) + 1);
  });

  it('gets each task by a line of its own, with a folder of its own', () => {
    const { owner, payload, parameters, view } = input();
    const line = taskLine({ owner, payload, parameters, view }, '/output/t.2');
    expect(line.indexOf('\n')).toBe(line.length - 1);
    expect(JSON.parse(line)).toEqual({ ...(JSON.parse(compilePlan(input()).stdin) as object), outputDir: '/output/t.2' });
  });
});
