import type { ContainerPlan } from './container-plan.js';
import { dockerCreateBody } from './docker-create-body.js';

const PLAN: ContainerPlan = {
  name: 'function-runner-t-1', image: 'me/image:1', command: ['/usr/local/bin/node', 'main.js'], args: ['--fast'], environment: { TASK_ID: 't', EMPTY: '', EQUALS: 'a=b' }, labels: { 'function-runner.task': 't' },
  mounts: [{ source: '/host/Film', target: '/workspace/Film', readonly: true }, { source: '/host/draft', target: '/output', readonly: false }],
  user: '65534:65534', memoryBytes: 268_435_456, cpus: 1.5, network: 'none', devices: { ids: [], real: false }, stdin: 'SECRET LINE\n', scratch: undefined, keepsLog: true, graceSeconds: 5,
};

describe('dockerCreateBody', () => {
  it('is this, and nothing else', () => {
    expect(dockerCreateBody(PLAN)).toEqual({
      name: 'function-runner-t-1',
      Image: 'me/image:1',
      Entrypoint: ['/usr/local/bin/node', 'main.js'],
      Cmd: ['--fast'],
      Env: ['TASK_ID=t', 'EMPTY=', 'EQUALS=a=b'],
      Labels: { 'function-runner.task': 't' },
      User: '65534:65534',
      Tty: false,
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      StopTimeout: 5,
      HostConfig: {
        NetworkMode: 'none',
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        PidsLimit: 512,
        Memory: 268_435_456,
        MemorySwap: 268_435_456,
        NanoCpus: 1_500_000_000,
        Tmpfs: { '/tmp': 'rw,nosuid,nodev,noexec,size=1g,mode=1777' },
        Init: true,
        LogConfig: { Type: 'json-file', Config: { 'max-size': '16m', 'max-file': '2' } },
        Mounts: [
          { Type: 'bind', Source: '/host/Film', Target: '/workspace/Film', ReadOnly: true, BindOptions: { Propagation: 'rprivate' } },
          { Type: 'bind', Source: '/host/draft', Target: '/output', ReadOnly: false, BindOptions: { Propagation: 'rprivate' } },
        ],
        AutoRemove: false,
      },
    });
  });

  it('gives a serving container a folder of the host as /tmp, in place of memory, and changes nothing else', () => {
    const { HostConfig, ...body } = dockerCreateBody({ ...PLAN, scratch: '/host/serving-1/tmp' });
    const { HostConfig: own, ...ownBody } = dockerCreateBody(PLAN);
    const { Tmpfs: _, Mounts: mounts, ...ownHostConfig } = own ?? {};
    expect(body).toEqual(ownBody);
    expect(HostConfig).toEqual({
      ...ownHostConfig,
      Mounts: [...(mounts ?? []), { Type: 'bind', Source: '/host/serving-1/tmp', Target: '/tmp', ReadOnly: false, BindOptions: { Propagation: 'rprivate' } }],
    });
    expect(HostConfig).not.toHaveProperty('Tmpfs');
  });

  it('asks for a mount without what is mounted below it, where the plan says so: the engine may leave that writable', () => {
    const mounts = [{ source: '/host', target: '/workspace', readonly: true, alone: true as const }, { source: '/host/empty', target: '/workspace/Library', readonly: true }];
    expect(dockerCreateBody({ ...PLAN, mounts }).HostConfig?.Mounts).toEqual([
      { Type: 'bind', Source: '/host', Target: '/workspace', ReadOnly: true, BindOptions: { Propagation: 'rprivate', NonRecursive: true } },
      { Type: 'bind', Source: '/host/empty', Target: '/workspace/Library', ReadOnly: true, BindOptions: { Propagation: 'rprivate' } },
    ]);
  });

  it('leaves the stdin of a serving container open where the connection to it is cut', () => {
    expect([dockerCreateBody(PLAN).StdinOnce, dockerCreateBody({ ...PLAN, keepsLog: false }).StdinOnce]).toEqual([true, false]);
  });

  it('keeps the image’s entrypoint where the pipeline has no command', () => {
    expect(dockerCreateBody({ ...PLAN, command: [] })).not.toHaveProperty('Entrypoint');
  });

  it('puts a pipeline that asks for it into the network without a way out', () => {
    expect(dockerCreateBody({ ...PLAN, network: 'internal' }).HostConfig?.NetworkMode).toBe('function-runner-internal');
  });

  it('asks for real devices as docker run --gpus does, and changes nothing else', () => {
    const { HostConfig, ...body } = dockerCreateBody({ ...PLAN, devices: { ids: ['GPU-1a', 'MIG-2b'], real: true } });
    const { HostConfig: own, ...ownBody } = dockerCreateBody(PLAN);
    expect(body).toEqual(ownBody);
    expect(HostConfig).toEqual({ ...own, DeviceRequests: [{ Driver: '', Count: 0, DeviceIDs: ['GPU-1a', 'MIG-2b'], Capabilities: [['gpu']], Options: {} }] });
  });

  // An empty list of ids would be taken for a wish by some engines; a declared device no engine has.
  it.each([{ ids: ['GPU-1a'], real: false }, { ids: [], real: true }, { ids: [], real: false }])('asks for no device given %j', (devices) => {
    expect(dockerCreateBody({ ...PLAN, devices }).HostConfig).not.toHaveProperty('DeviceRequests');
  });

  it('says nothing of the task’s parameters: they go over stdin alone', () => {
    expect(JSON.stringify(dockerCreateBody(PLAN))).not.toContain('SECRET');
  });
});
