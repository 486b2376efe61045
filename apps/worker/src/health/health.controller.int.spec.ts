import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildWorker, freePort, TcpProxy, waitFor, WorkerProcess } from '@function-runner/testing';
import { WorkerSite, type InProcessWorker, type Readiness } from '../worker-site.fixture.js';

/** The daemon's socket, and where it stands in for it: there it can be taken away or fall silent without harm to anybody else. */
const DAEMON = { path: (process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock').replace('unix://', '') };
const openProxy = (): Promise<TcpProxy> => TcpProxy.start(DAEMON, { path: socketPath });

let site: WorkerSite;
let socketPath: string;
let proxy: TcpProxy;
let worker: InProcessWorker;

beforeAll(async () => {
  site = await WorkerSite.open();
  socketPath = join(site.folder.path, 'docker.sock');
  proxy = await openProxy();
  worker = await site.startInProcess({ DOCKER_HOST: `unix://${socketPath}` });
  await ready();
});
afterAll(async () => {
  await site.close();
  await proxy.stop();
});

const ready = (): Promise<unknown> => waitFor('readiness', async () => (await worker.ask('/health/ready')).status === 200);

/** Waits until exactly this check fails, as readiness tells, while liveness stays as it is. */
async function fails(name: string, message: RegExp): Promise<void> {
  const body = await waitFor(`${name} to fail`, async (): Promise<Readiness | undefined> => {
    const answer = await worker.ask('/health/ready');
    return answer.status === 503 ? answer.body : undefined;
  });
  const down = Object.entries(body.details ?? {}).filter(([, { status }]) => status === 'down');
  expect(down).toEqual([[name, expect.objectContaining({ message: expect.stringMatching(message) })]]);
  expect(await worker.ask('/health/live')).toEqual({ status: 200, body: { status: 'ok' } });
}

describe('readiness', () => {
  it('names every check when all is well', async () => {
    const { status, body } = await worker.ask('/health/ready');
    expect(status).toBe(200);
    expect(Object.entries(body.details ?? {}).map(([name, { status: up }]) => [name, up])).toEqual([['worker', 'up'], ['redis', 'up'], ['docker', 'up'], ['model_storage', 'up'], ['workspace', 'up'], ['gpu', 'up']]);
    expect(body.details?.['model_storage']?.message).toBe('1 pipelines');
  });

  it('fails for a Redis that would drop tasks', async () => {
    await site.connection.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await fails('redis', /maxmemory-policy is allkeys-lru.*noeviction/);
    await site.connection.config('SET', 'maxmemory-policy', 'noeviction');
    await ready();
  });

  it('fails for a Redis that keeps nothing', async () => {
    await site.connection.config('SET', 'appendonly', 'no');
    await fails('redis', /persistence is off.*REDIS_ALLOW_NO_PERSISTENCE/);
    await site.connection.config('SET', 'appendonly', 'yes');
    await ready();
  });

  it('fails for a Redis that has become a replica', async () => {
    await site.connection.call('REPLICAOF', '127.0.0.1', String(await freePort()));
    await fails('redis', /takes no writes.*READONLY/);
    await site.connection.call('REPLICAOF', 'NO', 'ONE');
    await ready();
  });

  it('fails for a Redis that hangs', async () => {
    process.kill(site.redis.pid, 'SIGSTOP');
    await fails('redis', /no answer within 2000 ms/);
    process.kill(site.redis.pid, 'SIGCONT');
    await ready();
  });

  it('fails for a Redis that is gone, and recovers by itself', async () => {
    await site.redis.halt();
    await fails('redis', /not connected|no answer/);
    await site.redis.resume();
    await ready();
  });

  it('fails for a daemon that is gone', async () => {
    await proxy.stop();
    await fails('docker', /ENOENT/);
    proxy = await openProxy();
    await ready();
  });

  it('fails for a daemon that hangs', async () => {
    proxy.blackhole(true);
    await fails('docker', /does not answer promptly|did not answer in time/);
    expect(proxy.swallowed).toBeGreaterThan(0);
    proxy.blackhole(false);
    await ready();
  });

  it.each([['workspace', () => site.workspace], ['model_storage', () => site.models]])('fails for a missing %s', async (name, folder) => {
    await rename(folder(), `${folder()}.away`);
    await fails(name, /ENOENT/);
    await writeFile(folder(), 'a file in its place');
    await fails(name, /no folder/);
    await rm(folder());
    await rename(`${folder()}.away`, folder());
    await ready();
  });
});

it('is 503 until the environment is in order, and then by itself no more', async () => {
  const missing = join(site.folder.path, 'mounted-later');
  const early = await site.startInProcess({ WORKSPACE_ROOT: missing });
  expect(await early.ask('/health/ready')).toMatchObject({ status: 503, body: { details: { worker: { status: 'down', message: 'starting' }, workspace: { status: 'down' } } } });
  expect((await early.ask('/health/live')).status).toBe(200);
  await rename(site.workspace, missing);
  await waitFor('readiness', async () => (await early.ask('/health/ready')).status === 200);
  await rename(missing, site.workspace);
  await early.app.close();
});

it('is 503 at once when draining, while the running task goes on to its end', async () => {
  // Only this one may take the task.
  await worker.app.close();
  const draining = await site.startInProcess({ CONTAINER_ENGINE: 'null', NULL_ENGINE_DURATION_MS: '1500' });
  await waitFor('readiness', async () => (await draining.ask('/health/ready')).status === 200);
  const running = await site.submit('', { tier: 'premium' });
  await site.reached(running, 'null step 1 of 8');
  const closed = draining.app.close();
  const from = performance.now();
  expect(await draining.ask('/health/ready')).toMatchObject({ status: 503, body: { details: { worker: { status: 'down', message: 'draining' } } } });
  expect(performance.now() - from).toBeLessThan(1000);
  expect((await draining.ask('/health/live')).status).toBe(200);
  expect((await site.end(running)).last.status).toBe('completed');
  await closed;
});

it('fails for a sick GPU driver', async () => {
  await buildWorker();
  const program = join(site.folder.path, 'bin-nvidia-smi');
  const folder = join(site.folder.path, 'bin');
  await writeFile(program, `#!/bin/sh\nif [ -e ${folder}.sick ]; then echo "NVIDIA-SMI has failed"; exit 9; fi\necho "0, GPU-1a, NVIDIA L4, 23034, 4, 0"\n`);
  await chmod(program, 0o755);
  await mkdir(folder);
  await rename(program, join(folder, 'nvidia-smi'));
  const separate = await WorkerProcess.start(site.environment({ GPU_INVENTORY: 'auto', GPU_POLL_INTERVAL: '200ms', PATH: `${folder}:${process.env['PATH'] ?? ''}` }));
  try {
    const ask = async (): Promise<Readiness> => (await (await fetch(`http://127.0.0.1:${separate.port}/health/ready`)).json()) as Readiness;
    expect((await ask()).details?.['gpu']).toMatchObject({ status: 'up', message: '1 found' });
    await writeFile(`${folder}.sick`, '');
    const gpu = await waitFor('the check to fail', async () => {
      const told = (await ask()).details?.['gpu'];
      return told?.status === 'down' ? told : undefined;
    });
    expect(gpu).toMatchObject({ message: 'nvidia-smi failed: NVIDIA-SMI has failed' });
    expect((await fetch(`http://127.0.0.1:${separate.port}/health/live`)).status).toBe(200);
  } finally {
    await separate.stop();
  }
});
