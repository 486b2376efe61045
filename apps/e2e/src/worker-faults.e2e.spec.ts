/**
 * What becomes of tasks when workers die, hang, or run short, row by row of the list of faults. Rows that other files hold:
 * kill -9 mid-run, a short and a long job at SIGTERM, a container that ignores TERM (faults), two workers with one GPU
 * (gpu), the warm pool (worker: warm/serving.int), dead lease owners and leases that run out under a living container
 * (worker: lifecycle/container-reaper.int).
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TcpProxy, waitFor } from '@function-runner/testing';
import type { Editor } from './editor/editor.js';
import { checkInvariants } from './invariants/invariants.js';
import { PUPPET, type PuppetParameters } from './puppet/puppet-pipelines.js';
import type { AppProcess } from './stack/app-process.js';
import { evaluateIn, INSPECTABLE } from './stack/evaluate-in.js';
import { RunnerStack, type TestProject } from './stack/runner-stack.js';

/** Twice what a dead worker's task needs until it runs again, on a busy machine. */
const RECOVERY_MS = 40_000;
const TEST_MS = 150_000;

let stack: RunnerStack;
let editor: Editor;
const started: AppProcess[] = [];

beforeAll(async () => {
  stack = await RunnerStack.start({ workers: 0 });
}, TEST_MS);
beforeEach(async () => {
  editor = await stack.editor();
});
afterEach(async () => {
  try {
    await checkInvariants(stack);
  } finally {
    await Promise.all(started.splice(0).filter(({ alive }) => alive).map((worker) => worker.stop()));
  }
}, TEST_MS);
afterAll(() => stack.stop());

async function addWorker(environment: Readonly<Record<string, string>> = {}): Promise<AppProcess> {
  const worker = await stack.addWorker(environment);
  started.push(worker);
  return worker;
}

/** Starts a puppet that waits at its gate, and waits until it does. */
async function startWaiting(project: TestProject, parameters: PuppetParameters = {}, nodeType: string = PUPPET.plain): Promise<string> {
  const { taskId } = await editor.start({ projectId: project.id, nodeType, parameters: { gate: 'go', ...parameters } });
  await runs(taskId, 1);
  return taskId;
}

/** Waits until this attempt's container has said that it waits. */
async function runs(taskId: string, attempt: number): Promise<void> {
  await editor.reached(taskId, (told) => told.status === 'running' && told.attempt === attempt && told.progress >= 50, RECOVERY_MS);
}

/** Lets the task go on to its end, which must be a success of this attempt with one take. */
async function succeeds(project: TestProject, taskId: string, attempt: number): Promise<void> {
  await stack.open(project, 'go');
  expect(await editor.success(taskId)).toMatchObject({ attempt });
  expect(await readdir(stack.onDisk(`/workspace/${project.name}/outputs/renders/node-1`))).toEqual([taskId]);
}

/** When a container of the task ended and when the next one started, by the daemon; the end must come first. */
async function expectEndedBefore(taskId: string, attempt: number, next: number): Promise<void> {
  const events = await stack.containers.events(taskId);
  const died = events.find((event) => event.action === 'die' && event.attempt === attempt);
  const began = events.find((event) => event.action === 'start' && event.attempt === next);
  expect(died).toBeDefined();
  expect(began).toBeDefined();
  expect((died?.time ?? 0n) < (began?.time ?? 0n)).toBe(true);
}

async function metric(worker: AppProcess, name: string): Promise<number> {
  const text = await (await fetch(`${worker.url}/metrics`)).text();
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0);
}

it('kill -9 again and again, poison task: it is given up with WORKER_LOST after so many losses, and the others proceed', async () => {
  const losses = { MAX_WORKER_LOSSES: '2' };
  const project = await stack.project();
  let victim = await addWorker(losses);
  const poison = await startWaiting(project, { gate: 'never' });
  for (const attempt of [2, 3]) {
    const next = await addWorker(losses);
    await victim.crash();
    victim = next;
    if (attempt === 2) await runs(poison, attempt);
  }
  const { taskId: other } = await editor.start({ projectId: project.id, nodeId: 'node-2', nodeType: PUPPET.plain });
  await editor.success(other, RECOVERY_MS);
  expect(await editor.failure(poison, RECOVERY_MS)).toMatchObject({ code: 'WORKER_LOST', retryable: true, attempt: 2 });
  await expectEndedBefore(poison, 1, 2);
}, TEST_MS);

it('SIGTERM mid-run, long job: put back as often as workers end, and no attempt counts as lost', async () => {
  const environment = { DRAIN_TIMEOUT: '200ms', MAX_WORKER_LOSSES: '1' };
  let worker = await addWorker(environment);
  const project = await stack.project();
  const taskId = await startWaiting(project);
  for (const attempt of [2, 3]) {
    worker.signal('SIGTERM');
    expect(await worker.ended).toEqual({ code: 0, signal: null });
    expect(await stack.containers.present()).toEqual([]);
    worker = await addWorker(environment);
    await runs(taskId, attempt);
  }
  await succeeds(project, taskId, 3);
}, TEST_MS);

it('second SIGTERM during the drain: a container that ignores TERM is killed at once, its task put back', async () => {
  const worker = await addWorker({ DRAIN_TIMEOUT: '60s' });
  const project = await stack.project();
  // Its grace is 30 s: what ends it within this test is a kill.
  const taskId = await startWaiting(project, { ignore_term: true }, PUPPET.patient);
  worker.signal('SIGTERM');
  await waitFor('the drain to begin', async () => (await fetch(`${worker.url}/health/ready`)).status === 503);
  worker.signal('SIGTERM');
  expect(await worker.ended).toEqual({ code: 0, signal: null });
  expect((await stack.containers.events(taskId)).some(({ action, signal }) => action === 'kill' && signal === '9')).toBe(true);
  expect(await stack.containers.present()).toEqual([]);
  await addWorker();
  await runs(taskId, 2);
  await succeeds(project, taskId, 2);
}, TEST_MS);

it('SIGTERM while Redis hangs: the container is stopped all the same, and the process ends by its deadline, naming what is left', async () => {
  const worker = await addWorker({ DRAIN_TIMEOUT: '500ms' });
  const project = await stack.project();
  const taskId = await startWaiting(project);
  process.kill(stack.redisServer.pid, 'SIGSTOP');
  try {
    // By one SIGTERM: 20 s is what a stop waits for before it kills, and says so.
    expect(await worker.stop()).toEqual({ code: 1, signal: null });
    expect(worker.log).toMatch(/"left":\[[^\]]*put back what still runs/);
    expect(await stack.containers.present()).toEqual([]);
  } finally {
    process.kill(stack.redisServer.pid, 'SIGCONT');
  }
  await addWorker();
  await runs(taskId, 2);
  await succeeds(project, taskId, 2);
}, TEST_MS);

it('SIGTERM while the container engine hangs: the process ends by its deadline, and the next worker removes what it left first', async () => {
  const socket = join(stack.folder, 'docker.sock');
  const proxy = await TcpProxy.start({ path: process.env['DOCKER_HOST']?.replace('unix://', '') ?? '/var/run/docker.sock' }, { path: socket });
  try {
    const worker = await addWorker({ DRAIN_TIMEOUT: '500ms', DOCKER_HOST: `unix://${socket}` });
    const project = await stack.project();
    const taskId = await startWaiting(project);
    proxy.blackhole(true);
    expect(await worker.stop()).toEqual({ code: 1, signal: null });
    expect(proxy.swallowed).toBeGreaterThan(0);
    expect(worker.log).toMatch(/"left":\[[^\]]*kill what is left/);
    expect(await stack.containers.present()).toEqual([`${taskId}.1`]);
    await addWorker();
    await runs(taskId, 2);
    await succeeds(project, taskId, 2);
    await expectEndedBefore(taskId, 1, 2);
  } finally {
    await proxy.stop();
  }
}, TEST_MS);

it('event loop blocked for longer than a lock lasts: the container is killed meanwhile, the task runs elsewhere, and the blocked worker reports nothing', async () => {
  const blocked = await addWorker(INSPECTABLE);
  const project = await stack.project();
  const taskId = await startWaiting(project);
  await addWorker();
  await evaluateIn(blocked, 'const until = Date.now() + 25000; while (Date.now() < until);');
  await waitFor('the container to be killed', async () => (await stack.containers.events(taskId)).some(({ action, attempt }) => action === 'die' && attempt === 1));
  // The fault is on: nobody answers, so it was no loop that stopped the container.
  await expect(fetch(`${blocked.url}/health/live`, { signal: AbortSignal.timeout(1000) })).rejects.toThrow(/timeout/);
  await runs(taskId, 2);
  await waitFor('the loop to turn again', async () => (await metric(blocked, 'function_runner_watchdog_trips_total')) === 1, RECOVERY_MS);
  await succeeds(project, taskId, 2);
  await waitFor('its log to say so', () => blocked.log.includes('the event loop was blocked for so long'));
  await expectEndedBefore(taskId, 1, 2);
  expect(blocked.alive).toBe(true);
}, TEST_MS);

it('process paused (SIGSTOP) for longer than a lock lasts: its container is killed before the rerun, and it does no harm when it goes on', async () => {
  const paused = await addWorker();
  const project = await stack.project();
  const taskId = await startWaiting(project);
  await addWorker();
  paused.signal('SIGSTOP');
  await runs(taskId, 2);
  expect(await stack.containers.present()).toEqual([`${taskId}.2`]);
  paused.signal('SIGCONT');
  await waitFor('the paused worker to give up what it ran', () => paused.log.includes('attempt given up'));
  await succeeds(project, taskId, 2);
  await expectEndedBefore(taskId, 1, 2);
  expect(await metric(paused, 'function_runner_watchdog_trips_total')).toBe(1);
}, TEST_MS);

it('process paused (SIGSTOP) with nobody to take over: what it ran is put back when it goes on, and is no failure', async () => {
  const paused = await addWorker();
  const project = await stack.project();
  const taskId = await startWaiting(project);
  paused.signal('SIGSTOP');
  await waitFor('the lock to be gone', async () => (await stack.redis.exists(`bull:quality_standard:${taskId}:lock`)) === 0);
  paused.signal('SIGCONT');
  await runs(taskId, 2);
  await succeeds(project, taskId, 2);
  await expectEndedBefore(taskId, 1, 2);
}, TEST_MS);

it('lock key deleted: the container is stopped within 5 s, the loser publishes nothing, and the task runs again', async () => {
  await addWorker();
  await addWorker();
  const project = await stack.project();
  const taskId = await startWaiting(project, { ignore_term: true }, PUPPET.patient);
  const deletedAt = BigInt(Date.now());
  expect(await stack.redis.del(`bull:quality_standard:${taskId}:lock`)).toBe(1);
  const died = await waitFor('the container to be stopped', async () => (await stack.containers.events(taskId)).find(({ action, attempt }) => action === 'die' && attempt === 1));
  // Its grace is 30 s, and it ignores TERM: it was killed.
  expect(Number(died.time / 1_000_000n - deletedAt)).toBeLessThan(5000);
  await runs(taskId, 2);
  await succeeds(project, taskId, 2);
  await expectEndedBefore(taskId, 1, 2);
}, TEST_MS);

it.each([
  { what: 'an unhandled rejection', statement: "void Promise.reject(new Error('planted'));", says: /planted/ },
  { what: 'an uncaught exception', statement: "throw new Error('planted');", says: /planted/ },
  { what: 'a full heap', statement: 'const held = []; for (;;) held.push(new Array(1e5).fill(held.length + 0.5));', says: /heap out of memory/ },
])('$what ends the process with an error, and another worker finishes its task', async ({ statement, says }) => {
  const dying = await addWorker({ NODE_OPTIONS: `${INSPECTABLE.NODE_OPTIONS} --max-old-space-size=128` });
  const project = await stack.project();
  const taskId = await startWaiting(project);
  await addWorker();
  await evaluateIn(dying, statement);
  const { code, signal } = await dying.ended;
  expect(code === 0).toBe(false);
  expect(code ?? signal).not.toBeNull();
  expect(dying.log).toMatch(says);
  await runs(taskId, 2);
  await succeeds(project, taskId, 2);
  await expectEndedBefore(taskId, 1, 2);
}, TEST_MS);
