import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testBaseImage, waitFor } from '@function-runner/testing';
import type { TaskRecord } from '@function-runner/task-store';
import { v4 as uuid, v7 as uuidv7 } from 'uuid';
import { loadWorkerConfig } from '../config/worker-config.js';
import { LABEL } from '../container/container-labels.js';
import { createLogger } from '../logging/logger.js';
import { WorkerSite } from '../worker-site.fixture.js';
import { WorkerWiring } from '../worker-wiring.fixture.js';
import { OwnerlessSweep, type SweepTools } from './ownerless-sweep.js';
import { GRACE_MS } from './why-ownerless.js';

let site: WorkerSite;
let image: string;
let worker: WorkerWiring;
beforeAll(async () => {
  site = await WorkerSite.open();
  image = await testBaseImage();
});
beforeEach(async () => {
  worker = await new WorkerWiring(loadWorkerConfig(site.environment())).open();
});
afterEach(async () => {
  await worker.close();
  await site.docker.stop();
});
afterAll(() => site.close());

function sweep(changes: Partial<SweepTools> = {}): OwnerlessSweep {
  const { engine, store, registry, workspace, redis, live, leases, config, metrics } = worker;
  return new OwnerlessSweep({ engine, store, registry, workspace, redis: redis.check, live, leases, config, metrics, logger: createLogger('silent', 'test'), ...changes });
}

/** A container of an attempt, old enough to be believed ownerless. */
async function plant(taskId: string, attempt = 1): Promise<string> {
  const id = await site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: 'dead', [LABEL.task]: taskId, [LABEL.attempt]: String(attempt) });
  await waitFor('it to be old enough', async () => (await worker.engine.find(taskId)).every(({ ageMs }) => ageMs >= GRACE_MS));
  return id;
}

/** A folder that was last touched so long ago. */
async function leave(parent: string, name: string, ageMs: number): Promise<void> {
  await mkdir(join(parent, name, 'out'), { recursive: true });
  await writeFile(join(parent, name, 'out', 'half'), '');
  const then = new Date(Date.now() - ageMs);
  await utimes(join(parent, name), then, then);
}

it('dry: says what it would remove and why, and removes nothing; then it removes just that', async () => {
  const taskId = uuidv7();
  const id = await plant(taskId, 2);
  const things = await sweep().sweepOnce({ dryRun: true, folders: true });
  expect(things).toEqual([{ kind: 'container', name: id, why: 'task-unknown', taskId, attempt: 2, workerId: 'dead', ageMs: expect.any(Number) as number }]);
  expect(await site.docker.exists(id)).toBe(true);
  expect((await sweep().sweepOnce({ dryRun: false, folders: true })).map(({ name }) => name)).toEqual([id]);
  expect(await site.docker.exists(id)).toBe(false);
  expect(await worker.metrics.registry.getSingleMetricAsString('function_runner_repairs_total')).toContain('{kind="container-without-task"} 1');
});

it('removes a serving container that the engine made for this worker after nobody waited for it any more', async () => {
  const { workerId } = worker.config;
  const id = await site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: workerId, [LABEL.serving]: 'Film/serving-1', [LABEL.lease]: 'over' });
  await waitFor('it to be old enough', async () => (await worker.engine.find()).every(({ ageMs }) => ageMs >= GRACE_MS));
  expect(await sweep({ leases: { holds: (leaseId) => leaseId === 'over' } }).sweepOnce({ dryRun: false, folders: false })).toEqual([]);
  expect(await sweep().sweepOnce({ dryRun: false, folders: false })).toEqual([expect.objectContaining({ name: id, why: 'lease-over', workerId })]);
  expect(await site.docker.exists(id)).toBe(false);
});

it('believes a lost record only when it is missing at both looks', async () => {
  const id = await plant(uuidv7());
  let looks = 0;
  const back: Pick<TaskRecord, 'state' | 'attempt'> = { state: 'running', attempt: 1 };
  const store = { read: () => Promise.resolve((looks += 1) === 1 ? undefined : (back as TaskRecord)) };
  expect(await sweep({ store }).sweepOnce({ dryRun: false, folders: true })).toEqual([]);
  expect(looks).toBe(2);
  expect(await site.docker.exists(id)).toBe(true);
});

it('removes nothing while Redis does not answer', async () => {
  const id = await plant(uuidv7());
  await site.redis.halt();
  try {
    await expect(sweep().sweepOnce({ dryRun: false, folders: true })).rejects.toThrow(/Redis cannot be used|no answer/);
  } finally {
    await site.redis.resume();
  }
  expect(await site.docker.exists(id)).toBe(true);
});

it('removes nothing while the engine does not answer', async () => {
  const engine = { kind: 'docker' as const, find: () => Promise.reject(new Error('no answer')), remove: () => Promise.reject(new Error('never asked')), machine: () => worker.engine.machine() };
  await expect(sweep({ engine }).sweepOnce({ dryRun: false, folders: true })).rejects.toThrow('no answer');
});

it('removes drafts of attempts that are over, and folders of serving containers that are gone', async () => {
  const drafts = join(site.workspace, 'Film', 'outputs', '.staging');
  const own = join(site.workspace, '.function-runner');
  const running = await site.submit('');
  await site.store.begin(running, 'worker-1', 3);
  const ended = await site.submit('');
  await site.store.cancel(ended, 'by a test');
  const OLD = 120_000;
  const stay = [`${running.taskId}.1`, 'notes', `serving-${uuid()}`];
  for (const name of stay.slice(0, 2)) await leave(drafts, name, OLD);
  await leave(drafts, stay[2] ?? '', 1000);
  const go = [`${ended.taskId}.1`, `${running.taskId}.2`, `serving-${uuid()}`];
  for (const name of go) await leave(drafts, name, OLD);
  const shared = `serving-${uuid()}`;
  await leave(own, shared, OLD);
  await writeFile(join(own, 'install-id'), 'kept');

  // A worker on another engine may have the serving containers that this one does not know.
  const elsewhere = { isAlive: () => Promise.resolve(true), list: () => Promise.resolve([{ hostId: 'another' }] as Awaited<ReturnType<SweepTools['registry']['list']>>) };
  const careful = (await sweep({ registry: elsewhere }).sweepOnce({ dryRun: true, folders: true })).map(({ name }) => name);
  expect(careful.sort()).toEqual(go.slice(0, 2).map((name) => `Film/${name}`).sort());

  await sweep().sweepOnce({ dryRun: false, folders: true });
  expect((await readdir(drafts)).sort()).toEqual([...stay].sort());
  expect(await readdir(own)).toEqual(['install-id']);
});
