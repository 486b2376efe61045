import { testBaseImage, waitFor } from '@function-runner/testing';
import { WorkerRegistry } from '@function-runner/task-store';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LABEL } from '../container/container-labels.js';
import { DockerEngine } from '../container/docker-engine.adapter.js';
import { createLogger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { LiveRuns } from '../run/live-runs.js';
import { Workspace } from '../workspace/workspace.js';
import { WorkerSite } from '../worker-site.fixture.js';
import { ContainerReaper } from './container-reaper.js';

let site: WorkerSite;
beforeAll(async () => {
  site = await WorkerSite.open();
});
afterAll(() => site.close());

it('removes what nobody owns any more, and touches nothing else', async () => {
  const logger = createLogger('silent', 'test');
  const engine = new DockerEngine({ dockerHost: process.env['DOCKER_HOST'], pull: 'never' }, { id: () => Promise.resolve(site.docker.installId) }, logger);
  const live = new LiveRuns();
  const metrics = new WorkerMetrics();
  const image = await testBaseImage();
  const plant = (taskId: string, attempt: number, installId = site.docker.installId): Promise<string> => site.docker.plant(image, { [LABEL.install]: installId, [LABEL.task]: taskId, [LABEL.attempt]: String(attempt) });

  const running = await site.submit('');
  await site.store.begin(running, 'worker-1', 3);
  const superseded = await site.submit('');
  await site.store.begin(superseded, 'worker-1', 3);
  await site.store.begin(superseded, 'worker-2', 3);
  const cancelled = await site.submit('');
  await site.store.cancel(cancelled, 'by a test');
  live.open('mine');
  const owned = [await plant(running.taskId, 1), await plant(superseded.taskId, 2), await plant('mine', 1)];
  const foreign = await plant('gone', 1, 'somebody-else');
  const left = [await plant('gone', 1), await plant(superseded.taskId, 1), await plant(cancelled.taskId, 1)];
  await waitFor('all of them to be old enough', async () => {
    const found = await engine.find();
    return found.length === 6 && found.every(({ ageMs }) => ageMs >= 10_000);
  });
  const young = await plant('gone', 2);

  const reaper = new ContainerReaper(engine, site.store, new WorkerRegistry(site.connection), new Workspace({ workspaceRoot: site.workspace }), { workerId: 'own' }, live, metrics, logger);
  reaper.start();
  await waitFor('the ownerless ones to be gone', async () => (await Promise.all(left.map((id) => site.docker.exists(id)))).every((exists) => !exists));
  reaper.stop();
  for (const id of [...owned, foreign, young]) expect(await site.docker.exists(id)).toBe(true);
  expect(await metrics.registry.getSingleMetricAsString('function_runner_containers_reaped_total')).toContain('function_runner_containers_reaped_total 3');
});

it('removes the serving containers of a dead worker with their folders, and never those of a living one', async () => {
  const logger = createLogger('silent', 'test');
  const engine = new DockerEngine({ dockerHost: process.env['DOCKER_HOST'], pull: 'never' }, { id: () => Promise.resolve(site.docker.installId) }, logger);
  const registry = new WorkerRegistry(site.connection);
  const image = await testBaseImage();
  const staging = join(site.workspace, 'Film', 'outputs', '.staging');
  const plant = async (workerId: string, folderName: string): Promise<string> => {
    await mkdir(join(staging, folderName, 'out', 'task.1'), { recursive: true });
    await writeFile(join(staging, folderName, 'out', 'task.1', 'half'), '');
    return site.docker.plant(image, { [LABEL.install]: site.docker.installId, [LABEL.worker]: workerId, [LABEL.serving]: `Film/${folderName}` });
  };
  const announce = (workerId: string): Promise<void> =>
    registry.announce({ workerId, host: 'h', pid: 1, engine: 'docker', state: 'working', running: 0, warm: 1, concurrency: 1, startedAt: new Date().toISOString() });
  await announce('living');
  // Back after an outage of Redis: its word is missing at the first look and there at the second.
  const dead = await plant('dead', 'serving-dead');
  const living = [await plant('living', 'serving-living'), await plant('late', 'serving-late'), await plant('own', 'serving-own')];
  const hostile = await plant('dead', '../../plates');
  await mkdir(join(site.workspace, 'Film', 'plates'), { recursive: true });

  const beats = setInterval(() => void announce('living'), 500);
  const late = setTimeout(() => void announce('late').then(() => (lateSpoke = true)), 1000);
  let lateSpoke = false;
  const metrics = new WorkerMetrics();
  const reaper = new ContainerReaper(engine, site.store, registry, new Workspace({ workspaceRoot: site.workspace }), { workerId: 'own' }, new LiveRuns(), metrics, logger);
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
