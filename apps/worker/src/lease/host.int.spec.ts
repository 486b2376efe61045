import { chmod, rename, writeFile } from 'node:fs/promises';
import { cpus, hostname } from 'node:os';
import { join } from 'node:path';
import { CPU, MEMORY, waitingTaskOf } from '@function-runner/scheduling';
import { RedisFixture, tempFolder, testJob, waitFor, type TempFolder } from '@function-runner/testing';
import { v4 as uuid } from 'uuid';
import { loadWorkerConfig } from '../config/worker-config.js';
import { WorkerWiring } from '../worker-wiring.fixture.js';

const GIB = 1024 ** 3;
const TWO = '[{"uuid":"GPU-a","name":"Small","vram_gib":24},{"uuid":"GPU-b","name":"Large","vram_gib":48}]';

let server: RedisFixture;
let folder: TempFolder;
const workers: WorkerWiring[] = [];
beforeAll(async () => {
  server = await RedisFixture.start();
  folder = await tempFolder();
});
afterEach(async () => {
  for (const worker of workers.splice(0)) await worker.close();
});
afterAll(async () => {
  await server.stop();
  await folder.remove();
});

function workerOf(settings: Record<string, string>): WorkerWiring {
  const worker = new WorkerWiring(loadWorkerConfig({
    REDIS_URL: server.url, WORKSPACE_ROOT: folder.path, CONTAINER_ENGINE: 'null', GPU_INVENTORY: 'none', HOST_ID: uuid(), ...(process.env['DOCKER_HOST'] === undefined ? {} : { DOCKER_HOST: process.env['DOCKER_HOST'] }), ...settings,
  }));
  workers.push(worker);
  return worker;
}

const totals = async ({ host }: WorkerWiring): Promise<Readonly<Record<string, number>>> => (await host.book.read()).totals;
const leaseOf = ({ leases }: WorkerWiring, amounts: Record<string, number>): ReturnType<typeof leases.acquire> => leases.acquire([{ task: waitingTaskOf(uuid(), 'high', testJob(''), 'normal'), amounts }]);

describe('what the book says there is', () => {
  it('are the declared devices, less the headroom, and what the engine tells, cores lent more than once and some memory left to the system', async () => {
    const worker = await workerOf({ CONTAINER_ENGINE: 'docker', GPU_INVENTORY: TWO, VRAM_HEADROOM: '1Gi', CPU_OVERCOMMIT: '3' }).open();
    const machine = await worker.engine.machine();
    expect(await totals(worker)).toEqual({ 'gpu:GPU-a': 23 * GIB, 'gpu:GPU-b': 47 * GIB, [CPU]: machine.cores * 3000, [MEMORY]: Math.floor(machine.memoryBytes * 0.9) });
    expect([worker.host.devicesAreReal, worker.host.cores, worker.host.name]).toEqual([false, machine.cores, machine.name]);
    // Containers run on this machine: its cores are what they share.
    expect(worker.host.cores).toBe(cpus().length);
  });

  it('is what the operator says, where they do', async () => {
    const worker = await workerOf({ CONTAINER_ENGINE: 'docker', HOST_CPUS: '1.5', HOST_MEMORY: '3Gi', CPU_OVERCOMMIT: '3' }).open();
    expect(await totals(worker)).toEqual({ [CPU]: 1500, [MEMORY]: 3 * GIB });
  });

  it('is plenty of everything where the engine runs nothing, and of devices those that are declared', async () => {
    const worker = await workerOf({ CONTAINER_ENGINE: 'null' }).open();
    const { [CPU]: cpu = 0, [MEMORY]: memory = 0, 'gpu:null': device = 0 } = await totals(worker);
    for (const plenty of [cpu, memory, device]) expect(plenty).toBeGreaterThan(1e15);
    expect((await leaseOf(worker, { [CPU]: 64_000, [MEMORY]: 2 ** 40, 'gpu:null': 2 ** 40 }))[0]).toMatchObject({ devices: ['null'] });
    expect(worker.host.name).toBe(hostname());
    const declared = await workerOf({ CONTAINER_ENGINE: 'null', GPU_INVENTORY: TWO }).open();
    expect(await totals(declared)).toEqual({ 'gpu:GPU-a': 24 * GIB, 'gpu:GPU-b': 48 * GIB, [CPU]: cpu, [MEMORY]: memory });
  });

  it('is written in the same breath as other commands of its connection', async () => {
    const worker = workerOf({});
    // ioredis opens a pipeline for what comes in one tick, and it knows no script that is taught after that.
    const [other] = await Promise.all([worker.redis.queue.get('anything'), worker.host.open()]);
    expect(other).toBeNull();
    expect((await totals(worker))[CPU]).toBeGreaterThan(0);
  });

  it('is written anew by a worker that starts with other settings; what is leased stays', async () => {
    const HOST_ID = uuid();
    const before = await workerOf({ HOST_ID, GPU_INVENTORY: TWO }).open();
    await leaseOf(before, { 'gpu:GPU-b': 40 * GIB });
    const after = await workerOf({ HOST_ID, GPU_INVENTORY: TWO, VRAM_HEADROOM: '16Gi' }).open();
    expect(await totals(after)).toMatchObject({ 'gpu:GPU-a': 8 * GIB, 'gpu:GPU-b': 32 * GIB });
    expect((await before.host.book.read()).leased).toEqual({ 'gpu:GPU-b': 40 * GIB });
    expect(await leaseOf(after, { 'gpu:GPU-b': GIB })).toEqual([undefined]);
  });
});

describe('which book that is', () => {
  it('is the engine’s, the same for all workers that speak to it, unless the operator names the machine', async () => {
    const engine = { CONTAINER_ENGINE: 'docker', HOST_ID: '' };
    const [one, other] = [await workerOf(engine).open(), await workerOf(engine).open()];
    expect(one.host.id).toBe((await one.engine.machine()).id);
    expect(other.host.id).toBe(one.host.id);
    await leaseOf(one, { [MEMORY]: GIB });
    expect((await other.host.book.read()).leased).toEqual({ [MEMORY]: GIB });
    expect((await workerOf({ CONTAINER_ENGINE: 'docker', HOST_ID: 'the farm’s fifth' }).open()).host.id).toBe('the farm’s fifth');
  });

  it('is not known before it is open; an engine that cannot be reached keeps it closed', async () => {
    const { host } = workerOf({ CONTAINER_ENGINE: 'docker', HOST_ID: 'away', DOCKER_HOST: `unix://${join(folder.path, 'nobody.sock')}` });
    expect(() => host.id).toThrow('not open yet');
    await expect(host.open()).rejects.toThrow();
    expect(() => host.book).toThrow('not open yet');
  });
});

describe('a device', () => {
  const SMALL = '0, GPU-1a, NVIDIA L4, 24576, 0, 0';
  const LARGE = '1, GPU-2b, NVIDIA L40, 49152, 0, 0';

  /** What the driver tells from now on; never half of it. */
  async function says(...lines: string[]): Promise<void> {
    await writeFile(join(folder.path, 'next'), lines.map((line) => `${line}\n`).join(''));
    await rename(join(folder.path, 'next'), join(folder.path, 'says'));
  }

  async function withProgram(): Promise<WorkerWiring> {
    await writeFile(join(folder.path, 'nvidia-smi'), `#!/bin/sh\ncat ${folder.path}/says\n`);
    await chmod(join(folder.path, 'nvidia-smi'), 0o755);
    // Only a worker that runs something cares for real devices.
    return workerOf({ CONTAINER_ENGINE: 'docker', GPU_INVENTORY: 'auto', NVIDIA_SMI: join(folder.path, 'nvidia-smi'), GPU_POLL_INTERVAL: '100ms' }).open();
  }

  it('that is lost has nothing left to lease, while what is leased of it drains; one that comes is there', async () => {
    await says(SMALL);
    const worker = await withProgram();
    expect(worker.host.devicesAreReal).toBe(true);
    expect(await totals(worker)).toMatchObject({ 'gpu:GPU-1a': 24 * GIB });
    const [lease] = await leaseOf(worker, { 'gpu:GPU-1a': 8 * GIB });
    await says(LARGE);
    await waitFor('the book to say so', async () => (await totals(worker))['gpu:GPU-1a'] === 0);
    expect(await totals(worker)).toMatchObject({ 'gpu:GPU-1a': 0, 'gpu:GPU-2b': 48 * GIB });
    expect(worker.host.devices).toEqual([{ id: 'GPU-2b', name: 'NVIDIA L40', totalBytes: 48 * GIB, health: 'ok' }, { id: 'GPU-1a', name: 'NVIDIA L4', totalBytes: 0, health: 'lost' }]);
    // What runs there runs on; nothing new is leased of it, though most of it is free by the sums.
    expect((await worker.host.book.read()).leased).toEqual({ 'gpu:GPU-1a': 8 * GIB });
    expect(await worker.host.book.renew(worker.config.workerId, [lease?.id ?? ''])).toEqual([]);
    expect(await leaseOf(worker, { 'gpu:GPU-1a': GIB })).toEqual([undefined]);
    await worker.leases.release(lease === undefined ? [] : [lease]);
    expect((await worker.host.book.read()).leased).toEqual({});
    // It is back: with it, its place.
    await says(SMALL, LARGE);
    await waitFor('the book to say so', async () => (await totals(worker))['gpu:GPU-1a'] === 24 * GIB);
    expect((await leaseOf(worker, { 'gpu:GPU-1a': GIB }))[0]).toBeDefined();
  });

  it('is leased less what others use of it, which is measured while nothing of it is leased', async () => {
    // A GiB of what is in use is the driver's, and not counted.
    await says('0, GPU-1a, NVIDIA L4, 24576, 5120, 0');
    const worker = await withProgram();
    expect(await totals(worker)).toMatchObject({ 'gpu:GPU-1a': 20 * GIB });
    const [lease] = await leaseOf(worker, { 'gpu:GPU-1a': 8 * GIB });
    // What is used more now may be the lease's.
    await says('0, GPU-1a, NVIDIA L4, 24576, 13312, 0', LARGE);
    await waitFor('a look', async () => (await totals(worker))['gpu:GPU-2b'] !== undefined);
    expect(await totals(worker)).toMatchObject({ 'gpu:GPU-1a': 20 * GIB });
    await worker.leases.release(lease === undefined ? [] : [lease]);
    await waitFor('the book to say so', async () => (await totals(worker))['gpu:GPU-1a'] === 12 * GIB);
  });
});
