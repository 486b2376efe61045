import { testBaseImage, waitFor } from '@function-runner/testing';
import { LABEL } from '../container/container-labels.js';
import { DockerEngine } from '../container/docker-engine.adapter.js';
import { createLogger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { LiveRuns } from '../run/live-runs.js';
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

  const reaper = new ContainerReaper(engine, site.store, live, metrics, logger);
  reaper.start();
  await waitFor('the ownerless ones to be gone', async () => (await Promise.all(left.map((id) => site.docker.exists(id)))).every((exists) => !exists));
  reaper.stop();
  for (const id of [...owned, foreign, young]) expect(await site.docker.exists(id)).toBe(true);
  expect(await metrics.registry.getSingleMetricAsString('function_runner_containers_reaped_total')).toContain('function_runner_containers_reaped_total 3');
});
