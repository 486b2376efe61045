import { buildWorker, DockerFixture, testBaseImage, waitFor } from '@function-runner/testing';
import { LABEL } from '../container/container-labels.js';
import { createLogger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { StopReason } from '../run/stop-reason.js';
import { Watchdog } from './watchdog.js';

/** A thread runs built programs. */
const PROGRAM = new URL('../../dist/watchdog/watchdog-thread.js', import.meta.url);

const docker = new DockerFixture();
const stops: StopReason[] = [];
const metrics = new WorkerMetrics();
const dockerHost = process.env['DOCKER_HOST'];
const watchdog = new Watchdog({ workerId: 'own', dockerHost, containerEngine: 'docker' }, { id: () => Promise.resolve(docker.installId) }, { stopAll: (reason) => void stops.push(reason) }, metrics, createLogger('silent', 'test'));

beforeAll(() => buildWorker(), 60_000);
afterAll(async () => {
  watchdog.stop();
  await docker.stop();
});

/** Does what nobody should in a loop that others wait for. */
function block(milliseconds: number): void {
  for (const until = performance.now() + milliseconds; performance.now() < until;);
}

const endOf = async (id: string): Promise<number> => Date.parse((await docker.docker.getContainer(id).inspect()).State.FinishedAt);
const isRunning = async (id: string): Promise<boolean> => (await docker.docker.getContainer(id).inspect()).State.Running;
const value = (name: string): Promise<string> => metrics.registry.getSingleMetricAsString(name);

it('kills the worker’s containers while the event loop is blocked, and tells its runs as soon as it turns', async () => {
  const image = await testBaseImage();
  const plant = (workerId: string): Promise<string> => docker.plant(image, { [LABEL.install]: docker.installId, [LABEL.worker]: workerId, [LABEL.task]: 'task' });
  const [own, other] = [await plant('own'), await plant('other')];
  await watchdog.start(PROGRAM);
  await waitFor('a few beats', async () => (await value('function_runner_event_loop_lag_seconds')).includes('_count 3'));

  // Shorter than locks last: nothing happens.
  block(1500);
  await waitFor('the loop to have turned', async () => (await value('function_runner_event_loop_lag_seconds')).includes('_count 5'));
  expect(stops).toEqual([]);
  expect(await isRunning(own)).toBe(true);

  const blockedAt = Date.now();
  block(7000);
  const turnsAgainAt = Date.now();
  await waitFor('the runs to be told', () => stops.length > 0);
  expect(stops).toEqual([{ kind: 'blocked' }]);
  const killedAt = await endOf(own);
  expect(killedAt).toBeGreaterThan(blockedAt + 3000);
  expect(killedAt).toBeLessThan(turnsAgainAt);
  expect(await isRunning(other)).toBe(true);
  expect(await value('function_runner_watchdog_trips_total')).toContain('function_runner_watchdog_trips_total 1');
}, 60_000);
