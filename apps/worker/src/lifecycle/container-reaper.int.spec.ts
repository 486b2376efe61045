import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LeaseBook } from '@function-runner/lease-book';
import { keys } from '@function-runner/progress-protocol';
import { waitingTaskOf } from '@function-runner/scheduling';
import { testBaseImage, testJob, waitFor } from '@function-runner/testing';
import { v4 as uuid } from 'uuid';
import { loadWorkerConfig } from '../config/worker-config.js';
import type { ContainerEngine } from '../container/container-engine.port.js';
import { LABEL } from '../container/container-labels.js';
import { DeadWorkers } from '../lease/dead-workers.js';
import { createLogger } from '../logging/logger.js';
import { WorkerSite } from '../worker-site.fixture.js';
import { WorkerWiring } from '../worker-wiring.fixture.js';
import { ContainerReaper } from './container-reaper.js';

let site: WorkerSite;
let image: string;
const ends: (() => Promise<void> | void)[] = [];
beforeAll(async () => {
  site = await WorkerSite.open();
  image = await testBaseImage();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await site.docker.stop();
});
afterAll(() => site.close());

/** A worker on a host of its own, and the reaper of it, which does nothing yet. */
async function reaperOf(workerId: string, { settings = {}, engine }: { settings?: Record<string, string>; engine?: (real: ContainerEngine) => ContainerEngine } = {}): Promise<{ worker: WorkerWiring; reaper: ContainerReaper; looks: () => number }> {
  const worker = await new WorkerWiring({ ...loadWorkerConfig(site.environment({ HOST_ID: uuid(), ...settings })), workerId }).open();
  const { store, registry, workspace, host, leases, config, redis, live, metrics } = worker;
  let looks = 0;
  const dead = new DeadWorkers({
    list: async () => {
      const words = await registry.list();
      looks += 1;
      return words;
    },
  });
  const reaper = new ContainerReaper(engine?.(worker.engine) ?? worker.engine, store, registry, dead, workspace, host, leases, config, redis, live, metrics, createLogger('silent', 'test'));
  ends.push(() => worker.close(), () => reaper.stop());
  return { worker, reaper, looks: () => looks };
}

/** The word of a worker. */
function announce({ registry, host }: WorkerWiring, workerId: string): Promise<void> {
  return registry.announce({
    workerId, host: 'h', pid: 1, engine: 'docker', state: 'working', running: 0, warm: 1, concurrency: 1, hostId: host.id, devices: [], cpuMillis: 1000, memoryBytes: 1, startedAt: new Date().toISOString(),
  });
}

async function metric({ metrics }: WorkerWiring, name: string): Promise<string> {
  return metrics.registry.getSingleMetricAsString(name);
}

it('removes what nobody owns any more, and touches nothing else', async () => {
  const { worker, reaper } = await reaperOf('own');
  const plant = (taskId: string, attempt: number, installId = site.docker.installId): Promise<string> => site.docker.plant(image, { [LABEL.install]: installId, [LABEL.task]: taskId, [LABEL.attempt]: String(attempt) });

  const running = await site.submit('');
  await site.store.begin(running, 'worker-1', 3);
  const superseded = await site.submit('');
  await site.store.begin(superseded, 'worker-1', 3);
  await site.store.begin(superseded, 'worker-2', 3);
  const cancelled = await site.submit('');
  await site.store.cancel(cancelled, 'by a test');
  worker.live.open('mine');
  const owned = [await plant(running.taskId, 1), await plant(superseded.taskId, 2), await plant('mine', 1)];
  const foreign = await plant('gone', 1, 'somebody-else');
  const left = [await plant('gone', 1), await plant(superseded.taskId, 1), await plant(cancelled.taskId, 1)];
  await waitFor('all of them to be old enough', async () => {
    const found = await worker.engine.find();
    return found.length === 6 && found.every(({ ageMs }) => ageMs >= 10_000);
  });
  const young = await plant('gone', 2);

  reaper.start();
  await waitFor('the ownerless ones to be gone', async () => (await Promise.all(left.map((id) => site.docker.exists(id)))).every((exists) => !exists));
  reaper.stop();
  for (const id of [...owned, foreign, young]) expect(await site.docker.exists(id)).toBe(true);
  expect(await metric(worker, 'function_runner_containers_reaped_total')).toContain('function_runner_containers_reaped_total 3');
});

it('removes the serving containers of a dead worker with their folders, and never those of a living one', async () => {
  const { worker, reaper } = await reaperOf('own');
  const staging = join(site.workspace, 'Film', 'outputs', '.staging');
  const plant = async (workerId: string, folderName: string): Promise<string> => {
    await mkdir(join(staging, folderName, 'out', 'task.1'), { recursive: true });
    await writeFile(join(staging, folderName, 'out', 'task.1', 'half'), '');
    return site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: workerId, [LABEL.serving]: `Film/${folderName}` });
  };
  await announce(worker, 'living');
  // Back after an outage of Redis: its word is missing at the first look and there at the second.
  const dead = await plant('dead', 'serving-dead');
  const living = [await plant('living', 'serving-living'), await plant('late', 'serving-late'), await plant('own', 'serving-own')];
  const hostile = await plant('dead', '../../plates');
  await mkdir(join(site.workspace, 'Film', 'plates'), { recursive: true });

  const beats = setInterval(() => void announce(worker, 'living'), 500);
  const late = setTimeout(() => void announce(worker, 'late').then(() => (lateSpoke = true)), 1000);
  let lateSpoke = false;
  try {
    reaper.start();
    await waitFor('those of the dead worker to be gone', async () => !(await site.docker.exists(dead)) && !(await site.docker.exists(hostile)), 20_000);
    await waitFor('its folder to be gone', async () => !(await readdir(staging)).includes('serving-dead'));
  } finally {
    reaper.stop();
    clearInterval(beats);
    clearTimeout(late);
  }
  expect(lateSpoke).toBe(true);
  for (const id of living) expect(await site.docker.exists(id)).toBe(true);
  expect((await readdir(staging)).sort()).toEqual(['serving-late', 'serving-living', 'serving-own']);
  // A label is no path: what it says beyond a folder's name is not followed.
  expect(await readdir(join(site.workspace, 'Film'))).toContain('plates');
});

describe('leases of dead workers', () => {
  const GIB = 1024 ** 3;

  /** Lets a worker give its word until the end of the test, or until it is silenced. */
  async function keepAlive(worker: WorkerWiring, workerId: string): Promise<() => void> {
    await announce(worker, workerId);
    const beats = setInterval(() => void announce(worker, workerId), 500);
    const silence = (): void => clearInterval(beats);
    ends.push(silence);
    return silence;
  }

  /** The book as a worker has it that has not been heard of for so long that all it held has run out. */
  const silentBook = ({ host }: WorkerWiring): LeaseBook => new LeaseBook(site.connection, host.id, { ttlMs: 1 });

  /** Leases something for a worker that dies at once; it has run out when this settles. */
  async function leaseOf(worker: WorkerWiring, holder: string): Promise<string> {
    const id = uuid();
    const book = silentBook(worker);
    expect(await book.acquire([{ id, holder, purpose: 'task', taskId: `task-${id}`, pipelineId: 'p:1', amounts: { memory: GIB } }])).toEqual([{ kind: 'granted' }]);
    await waitFor('it to run out', async () => (await book.expired()).some((lease) => lease.id === id));
    return id;
  }

  const ids = async (worker: WorkerWiring): Promise<string[]> => (await worker.host.book.read()).leases.map(({ id }) => id);

  /** Waits until the reaper has looked from the beginning: what a dead worker leases now is given back by then. */
  async function looked(worker: WorkerWiring): Promise<void> {
    const marker = await leaseOf(worker, 'a marker');
    await waitFor('a look', async () => !(await ids(worker)).includes(marker));
  }

  /** A gate in the way of something: it says when it is come to, and lets through when it is told. */
  function gate(): { come: Promise<void>; pass: () => Promise<void>; open: () => void } {
    let [say, open]: (() => void)[] = [];
    const come = new Promise<void>((resolve) => (say = resolve));
    const opened = new Promise<void>((resolve) => (open = resolve));
    return { come, open: () => open?.(), pass: () => (say?.(), opened) };
  }

  it('are given back once their containers are gone, and no sooner', async () => {
    const { come, pass, open } = gate();
    const { worker, reaper } = await reaperOf('own', { engine: (real) => Object.assign(Object.create(real) as ContainerEngine, { remove: (id: string) => pass().then(() => real.remove(id)) }) });
    const [lease, other] = [await leaseOf(worker, 'dead'), uuid()];
    const plant = (leaseId: string): Promise<string> => site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: 'dead', [LABEL.task]: 'gone', [LABEL.attempt]: '1', [LABEL.lease]: leaseId });
    const [container, foreign] = [await plant(lease), await plant(other)];
    reaper.start();
    await come;
    // It is about to be removed, however young it is; so long as it is there what it holds is nobody else's.
    expect(await site.docker.exists(container)).toBe(true);
    expect((await worker.host.book.read()).leased).toEqual({ memory: GIB });
    open();
    await waitFor('the lease to be given back', async () => (await ids(worker)).length === 0);
    expect([await site.docker.exists(container), await site.docker.exists(foreign)]).toEqual([false, true]);
    expect((await worker.host.book.read()).leased).toEqual({});
    expect(await metric(worker, 'function_runner_leases_reclaimed_total')).toContain('function_runner_leases_reclaimed_total 1');
  });

  it('stay where the container cannot be removed, until it can', async () => {
    let refusals = 0;
    const { worker, reaper } = await reaperOf('own', {
      engine: (real) => Object.assign(Object.create(real) as ContainerEngine, { remove: (id: string) => ((refusals += 1) < 3 ? Promise.reject(new Error('the engine is busy')) : real.remove(id)) }),
    });
    const lease = await leaseOf(worker, 'dead');
    const container = await site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: 'dead', [LABEL.task]: 'gone', [LABEL.attempt]: '1', [LABEL.lease]: lease });
    reaper.start();
    await waitFor('two refusals', () => refusals === 2);
    expect(await ids(worker)).toEqual([lease]);
    await waitFor('the lease to be given back', async () => (await ids(worker)).length === 0);
    expect(await site.docker.exists(container)).toBe(false);
  });

  it('of a serving container go with its folder', async () => {
    const { worker, reaper } = await reaperOf('own');
    const lease = await leaseOf(worker, 'dead');
    const staging = join(site.workspace, 'Film', 'outputs', '.staging');
    await mkdir(join(staging, 'serving-dead', 'out'), { recursive: true });
    const container = await site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: 'dead', [LABEL.serving]: 'Film/serving-dead', [LABEL.lease]: lease });
    reaper.start();
    await waitFor('the lease to be given back', async () => (await ids(worker)).length === 0);
    expect(await site.docker.exists(container)).toBe(false);
    expect(await readdir(staging).catch(() => [])).not.toContain('serving-dead');
  });

  it('are no leases of living ones: such a one keeps what has run out, and its container', async () => {
    const { worker, reaper } = await reaperOf('own');
    const silence = await keepAlive(worker, 'living');
    const lease = await leaseOf(worker, 'living');
    const container = await site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: 'living', [LABEL.serving]: 'Film/serving-living', [LABEL.lease]: lease });
    reaper.start();
    await looked(worker);
    await looked(worker);
    expect(await ids(worker)).toEqual([lease]);
    expect(await site.docker.exists(container)).toBe(true);
    silence();
    await worker.registry.leave('living');
    await waitFor('the lease to be given back', async () => (await ids(worker)).length === 0);
    expect(await site.docker.exists(container)).toBe(false);
  });

  it('nor those of one whose word is missing as well, as after an outage of Redis, and comes again', async () => {
    const { worker, reaper, looks } = await reaperOf('own');
    const lease = await leaseOf(worker, 'late');
    const container = await site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: 'late', [LABEL.task]: 'task', [LABEL.attempt]: '1', [LABEL.lease]: lease });
    reaper.start();
    await waitFor('a look that finds no word of it', () => looks() > 0);
    await keepAlive(worker, 'late');
    await looked(worker);
    expect(await ids(worker)).toEqual([lease]);
    expect(await site.docker.exists(container)).toBe(true);
  });

  it('nor are our own, unless we know nothing of them: granted in an answer that was lost, or not given back', async () => {
    const { worker, reaper } = await reaperOf('own');
    await keepAlive(worker, 'own');
    const [held] = await worker.leases.acquire([{ task: waitingTaskOf('t', 'high', testJob(''), 'normal'), amounts: { memory: GIB } }]);
    const unknown = await leaseOf(worker, 'own');
    const lapse = (id = ''): Promise<unknown> => site.connection.zadd(keys.leaseExpiry(worker.host.id), 'XX', 1, id);
    await lapse(held?.id);
    reaper.start();
    await waitFor('the unknown one to be given back', async () => !(await ids(worker)).includes(unknown));
    await lapse(held?.id);
    await looked(worker);
    expect(await ids(worker)).toEqual([held?.id]);
  });

  it('nor one that was renewed while its container was looked for', async () => {
    const { come, pass, open } = gate();
    const { worker, reaper } = await reaperOf('own', { engine: (real) => Object.assign(Object.create(real) as ContainerEngine, { find: () => pass().then(() => real.find()) }) });
    const lease = await leaseOf(worker, 'frozen');
    reaper.start();
    await come;
    expect(await worker.host.book.renew('frozen', [lease])).toEqual([]);
    open();
    await looked(worker);
    expect(await ids(worker)).toEqual([lease]);
  });

  it('go without a look at containers where the engine runs nothing', async () => {
    let asked = 0;
    const { worker, reaper } = await reaperOf('own', {
      settings: { CONTAINER_ENGINE: 'null' }, engine: (real) => Object.assign(Object.create(real) as ContainerEngine, { find: () => Promise.reject(new Error(`asked ${(asked += 1)} times`)) }),
    });
    await leaseOf(worker, 'dead');
    reaper.start();
    await looked(worker);
    expect([await ids(worker), asked]).toEqual([[], 0]);
  });
});
