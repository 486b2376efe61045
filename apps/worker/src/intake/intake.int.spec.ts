import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keys, type TaskEvent } from '@function-runner/progress-protocol';
import { buildWorker, SERVER_PIPELINE, scriptPipeline, serverPipeline, testBaseImage, waitFor, WorkerProcess, type TestJobChanges } from '@function-runner/testing';
import { LeaseBook } from '@function-runner/lease-book';
import { installPipeline } from '@function-runner/model-store';
import type { QualityTier } from '@function-runner/pipeline-schema';
import { BYPASS_LIMIT } from '@function-runner/scheduling';
import type { TaskIdentity } from '@function-runner/task-store';
import { v4 as uuid } from 'uuid';
import { DeadWorkers } from '../lease/dead-workers.js';
import { TASK_EXECUTOR, type Attempt, type Made, type TaskExecutor } from '../run/task-executor.port.js';
import { WorkerSite, type InProcessWorker } from '../worker-site.fixture.js';

let site: WorkerSite;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  await buildWorker();
  site = await WorkerSite.open();
  const image = await testBaseImage();
  await installPipeline(site.models, 'image', serverPipeline(image));
  await installPipeline(site.models, 'image', scriptPipeline(image, { id: 'small:1.0', memory: '64Mi' }));
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop()));
  await site.docker.stop();
});
afterAll(() => site.close());

/** A worker as a process of its own, gone after the test. */
async function startWorker(changes: Record<string, string> = {}): Promise<WorkerProcess> {
  const worker = await WorkerProcess.start(site.environment(changes));
  workers.push(worker);
  return worker;
}

const takes = (node: string): Promise<string[]> => readdir(join(site.workspace, 'Film/outputs/renders', node)).catch(() => []);

/** Runs until `go` lies in the project; says so in between, and writes its attempt's number. */
const UNTIL_GO = `await say({ type: 'progress', progress: 10, step: 'up ' + task.attempt });
  while (!fs.existsSync('/workspace/Film/' + task.nodeId + '.go')) await wait(20);
  fs.writeFileSync(task.outputDir + '/attempt', String(task.attempt));`;
const go = (node: string): Promise<void> => writeFile(join(site.workspace, 'Film', `${node}.go`), '');

/** The most tasks that were between their first attempt's begin and their end at the same time. */
function mostAtOnce(logs: readonly (readonly TaskEvent[])[]): number {
  const changes = logs.flatMap((log) => [{ at: log.find(({ status }) => status === 'preparing')?.timestamp ?? '', by: 1 }, { at: log.at(-1)?.timestamp ?? '', by: -1 }]);
  let [now, most] = [0, 0];
  for (const { by } of changes.sort((a, b) => a.at.localeCompare(b.at) || a.by - b.by)) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

describe('the queues', () => {
  it('give a task to a worker, which runs it and leaves no job behind', async () => {
    await startWorker();
    const tasks = await Promise.all((['low', 'standard', 'high', 'premium'] as const).map((tier) => site.submit(`fs.writeFileSync(task.outputDir + '/a', task.config.optimizations.join());`, { tier, nodeId: `in-${tier}` })));
    for (const task of tasks) expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 1 });
    for (const tier of ['low', 'standard', 'high', 'premium'] as const) await waitFor(`the queue ${tier} to be empty`, async () => (await site.jobs(tier)) === 0);
  });

  it('take a job whose task has ended meanwhile off without running it', async () => {
    const task = await site.submit('throw 0', { nodeId: 'ended' });
    await site.store.cancel(task, 'before any worker came');
    await startWorker();
    await waitFor('the queue to be empty', async () => (await site.jobs('high')) === 0);
    expect((await site.end(task)).log.map(({ status }) => status)).toEqual(['queued', 'cancelled']);
  });

  it('hold a tier’s max_concurrent over all workers together', async () => {
    const nothing = { CONTAINER_ENGINE: 'null', NULL_ENGINE_DURATION_MS: '400', WORKER_CONCURRENCY: '10' };
    const both = [await site.startInProcess(nothing), await site.startInProcess(nothing)];
    for (const { ask } of both) await waitFor('readiness', async () => (await ask('/health/ready')).status === 200);
    const logsOf = async (tier: 'low' | 'high', count: number): Promise<TaskEvent[][]> => {
      const tasks = await Promise.all(Array.from({ length: count }, () => site.submit('', { tier })));
      return Promise.all(tasks.map(async (task) => (await site.end(task)).log));
    };
    const [low, high] = await Promise.all([logsOf('low', 4), logsOf('high', 9)]);
    expect(mostAtOnce(low)).toBe(1);
    expect(mostAtOnce(high)).toBe(3);
    for (const { app } of both) await app.close();
  });

  it('give a task that a worker has lost back to it only once its earlier run has ended there', async () => {
    const { app, ask } = await site.startInProcess({ CONTAINER_ENGINE: 'null', NULL_ENGINE_DURATION_MS: '4000' });
    await waitFor('readiness', async () => (await ask('/health/ready')).status === 200);
    // What it ends takes its time, as a container does that its engine does not let go of.
    const executor = app.get<TaskExecutor>(TASK_EXECUTOR);
    const execute = executor.execute.bind(executor);
    const [begun, stopped]: number[][] = [[], []];
    let letGo: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (letGo = resolve));
    executor.execute = async (attempt: Attempt): Promise<Made> => {
      begun?.push(attempt.number);
      try {
        return await execute(attempt);
      } catch (error) {
        stopped?.push(attempt.number);
        await ended;
        throw error;
      }
    };
    const dead = app.get(DeadWorkers);
    const look = dead.look.bind(dead);
    let looks = 0;
    dead.look = () => {
      looks += 1;
      return look();
    };

    const task = await site.submit('', { nodeId: 'lost-and-found' });
    await waitFor('the run', () => begun?.length === 1);
    const key = (name: string): string => `bull:quality_high:${name}`;
    // As another worker does to a job whose lock has run out.
    await site.connection.multi().del(key(`${task.taskId}:lock`)).lrem(key('active'), -1, task.taskId).rpush(key('wait'), task.taskId).exec();
    await waitFor('the run to be told', () => stopped?.length === 1);
    const before = looks;
    // One may have been under way.
    await waitFor('two whole looks at the queues', () => looks > before + 2);
    expect(begun).toEqual([1]);
    expect(await site.connection.lrange(key('wait'), 0, -1)).toEqual([task.taskId]);
    letGo();
    expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 2 });
    expect(begun).toEqual([1, 2]);
    await waitFor('the queue to be empty', async () => (await site.jobs('high')) === 0);
    await app.close();
  });
});

/** What a host has, and all that its workers hold of it. */
describe('a host', () => {
  const GIB = 1024 ** 3;
  const ofOne = (gib: number): string => JSON.stringify([{ uuid: 'GPU-a', name: `Test ${gib}`, vram_gib: gib }]);
  const apps: InProcessWorker[] = [];
  let hostId: string;
  beforeEach(() => (hostId = uuid()));
  afterEach(async () => {
    for (const { app } of apps.splice(0)) await app.close();
  });

  /** A worker of the test's host that runs nothing, over this long. */
  async function start(durationMs: number, settings: Record<string, string> = {}): Promise<void> {
    const worker = await site.startInProcess({ CONTAINER_ENGINE: 'null', NULL_ENGINE_DURATION_MS: String(durationMs), HOST_ID: hostId, ...settings });
    apps.push(worker);
    await waitFor('readiness', async () => (await worker.ask('/health/ready')).status === 200);
  }
  const several = (count: number, changes: TestJobChanges & { tier?: QualityTier }): Promise<TaskIdentity[]> => Promise.all(Array.from({ length: count }, () => site.submit('', changes)));
  const logsOf = (tasks: readonly TaskIdentity[]): Promise<TaskEvent[][]> => Promise.all(tasks.map(async (task) => (await site.end(task, 30_000)).log));
  const book = (): LeaseBook => new LeaseBook(site.connection, hostId, { ttlMs: 1 });

  it('never has two 16 GiB tasks at once on a 24 GiB device, however many workers it has', async () => {
    const device = { GPU_INVENTORY: ofOne(24) };
    await start(80, device);
    await start(80, device);
    let [looks, most, over] = [0, 0, false];
    const watch = (async () => {
      while (!over) {
        most = Math.max(most, (await book().read()).leased['gpu:GPU-a'] ?? 0);
        looks += 1;
      }
    })();
    const logs = await logsOf([...await several(6, { tier: 'high', targetVram: 16 }), ...await several(6, { tier: 'premium', targetVram: 16, project: 'Other' })]);
    over = true;
    await watch;
    expect(mostAtOnce(logs)).toBe(1);
    expect(looks).toBeGreaterThan(logs.length);
    // At no time more than one had leased.
    expect(most).toBe(16 * GIB);
    for (const log of logs) expect(log.at(-1)).toMatchObject({ status: 'completed', attempt: 1 });
    await waitFor('all to be given back', async () => Object.keys((await book().read()).leased).length === 0);
  });

  it('starts what fits past a 48 GiB task that waits, and that one within the bound', async () => {
    const most = 4;
    await start(400, { GPU_INVENTORY: ofOne(48), WORKER_CONCURRENCY: '8', TIER_STANDARD_MAX_CONCURRENT: String(most) });
    const small = { tier: 'standard', targetVram: 12 } as const;
    // One begins after the other, and so they end: all of the device is never free by itself.
    const first: TaskIdentity[] = [];
    while (first.length < most) {
      const task = await site.submit('', small);
      await site.reached(task, 'null step 2 of 8');
      first.push(task);
    }
    // More urgent than any other: only want of room keeps it.
    const big = await site.submit('', { tier: 'high', priority: 'high', targetVram: 48 });
    const smalls = [...first, ...await several(40, small)];
    const { log: bigLog } = await site.end(big);
    const logs = await logsOf(smalls);
    const startOf = (log: readonly TaskEvent[]): string => log.find(({ status }) => status === 'preparing')?.timestamp ?? '';
    const passedBy = logs.filter((log) => startOf(log) > (bigLog[0]?.timestamp ?? '') && startOf(log) < startOf(bigLog));
    expect(passedBy.length).toBeGreaterThan(most);
    // As many as may pass it, and those that were decided upon together with the last of them.
    expect(passedBy.length).toBeLessThan(BYPASS_LIMIT + most);
    // Nobody else while it runs: it needs all there is.
    expect(mostAtOnce([bigLog, ...logs.filter((log) => startOf(log) > startOf(bigLog))])).toBe(most);
    const [from, to] = [startOf(bigLog), bigLog.at(-1)?.timestamp ?? ''];
    expect(logs.filter((log) => startOf(log) > from && startOf(log) < to)).toEqual([]);
    await waitFor('nothing to be kept any more', async () => Object.keys((await book().read()).reserved).length === 0);
  });

  it('runs no more than WORKER_CONCURRENCY tasks in one process, over all tiers together', async () => {
    await start(150, { WORKER_CONCURRENCY: '2' });
    const tasks = await Promise.all((['low', 'standard', 'high', 'premium'] as const).map((tier) => several(3, { tier })));
    expect(mostAtOnce(await logsOf(tasks.flat()))).toBe(2);
  });

  it('that took a lease away has its task run again, and not forgotten', async () => {
    // Long enough for a renewal, which finds it out.
    await start(4000, { GPU_INVENTORY: ofOne(24) });
    const task = await site.submit('', { targetVram: 24 });
    await site.reached(task, 'null step 1 of 8');
    const [lease] = (await book().read()).leases;
    await book().release(lease?.holder ?? '', [lease?.id ?? '']);
    const { last, log } = await site.end(task, 30_000);
    expect(last).toMatchObject({ status: 'completed', attempt: 2 });
    expect(log.filter(({ status }) => status === 'queued')).toHaveLength(2);
    // No fault of a worker's, nor of the task's.
    expect(await site.connection.hget(keys.task(task.taskId), 'losses')).toBe('0');
    await waitFor('the queue to be empty', async () => (await site.jobs('high')) === 0);
  });
});

const metric = async (worker: WorkerProcess, name: string): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${worker.port}/metrics`)).text();
  return Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? 0);
};
const ids = async (): Promise<string[]> => (await site.docker.containers()).map(({ Id }) => Id).sort();
const ofMemory = (mib: number): NonNullable<TestJobChanges['demand']> => ({ gpus: 0, vram_bytes: 0, splittable: false, cpu_millis: 100, memory_bytes: mib * 1024 ** 2 });

describe('a task that runs out of memory', () => {
  it('waits again and is run with more', async () => {
    await startWorker();
    const task = await site.submit(`const held = Buffer.alloc(80e6, 1); fs.writeFileSync(task.outputDir + '/a', String(held.length));`, { pipelineId: 'small:1.0', nodeId: 'hungry', demand: ofMemory(64) });
    const { last, log } = await site.end(task);
    expect(last).toMatchObject({ status: 'completed', attempt: 2 });
    expect(log.map(({ step }) => step)).toContain('ran out of memory; waiting to try once more with 128 MiB');
    expect(await takes('hungry')).toEqual([task.taskId]);
    await waitFor('the queue to be empty', async () => (await site.jobs('high')) === 0);
  });
});

describe('a warm container in the way', () => {
  const warm = async (count: number, worker: WorkerProcess): Promise<unknown> => waitFor(`${count} to be warm`, async () => (await metric(worker, 'function_runner_warm_containers')) === count);
  const SERVED = { pipelineId: SERVER_PIPELINE, tier: 'premium' } as const;
  const WRITE = `fs.writeFileSync(task.outputDir + '/a', '');`;

  it('is ended for a task of another project that needs what it holds, and for none that does not', async () => {
    const worker = await startWorker({ HOST_MEMORY: '700Mi' });
    await site.end(await site.submit(WRITE, { ...SERVED, nodeId: 'in-the-way', demand: ofMemory(400) }));
    await warm(1, worker);
    const [old = ''] = await ids();
    await site.end(await site.submit(WRITE, { nodeId: 'beside-it', demand: ofMemory(300) }));
    expect(await site.docker.exists(old)).toBe(true);
    const task = await site.submit(WRITE, { ...SERVED, project: 'Other', nodeId: 'needs-it', demand: ofMemory(400) });
    expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await site.docker.exists(old)).toBe(false);
    expect(await metric(worker, 'function_runner_warm_evictions_total')).toBe(1);
    await warm(1, worker);
    expect(await ids()).toHaveLength(1);
    await worker.end('SIGTERM');
  });

  it('is one only where one suffices, however long it takes to end', async () => {
    const worker = await startWorker({ HOST_MEMORY: '900Mi' });
    // Deaf to SIGTERM: their ends take their whole grace.
    const deaf = await Promise.all(Array.from({ length: 3 }, (_, nth) => site.submit(`process.on('SIGTERM', () => {}); ${UNTIL_GO}`, { ...SERVED, nodeId: `deaf-${nth}`, demand: ofMemory(300) })));
    for (const task of deaf) await site.reached(task, 'up 1');
    await Promise.all(deaf.map(({ nodeId }) => go(nodeId)));
    for (const task of deaf) await site.end(task);
    await warm(3, worker);
    const before = await ids();
    const task = await site.submit(WRITE, { ...SERVED, project: 'Other', nodeId: 'needs-one', demand: ofMemory(300) });
    // Whatever comes meanwhile makes the worker decide anew.
    let over = false;
    const noise = (async () => {
      while (!over) await site.end(await site.submit('', { tier: 'low', nodeId: 'noise', pipelineId: 'not-installed:1.0', demand: ofMemory(0) }));
    })();
    expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 1 });
    over = true;
    await noise;
    expect((await ids()).filter((id) => before.includes(id))).toHaveLength(2);
    expect(await metric(worker, 'function_runner_warm_evictions_total')).toBe(1);
    await worker.end('SIGTERM');
  });

  it('of another worker is ended by that one when it is told', async () => {
    const owner = await startWorker({ HOST_MEMORY: '900Mi', WORKER_CONCURRENCY: '1' });
    await site.end(await site.submit(WRITE, { ...SERVED, nodeId: 'theirs', demand: ofMemory(300) }));
    await warm(1, owner);
    const [old = ''] = await ids();
    // It is busy: it decides nothing itself.
    const busy = await site.submit(UNTIL_GO, { nodeId: 'busy', demand: ofMemory(300) });
    await site.reached(busy, 'up 1');
    await startWorker({ HOST_MEMORY: '900Mi' });
    const task = await site.submit(WRITE, { ...SERVED, project: 'Other', nodeId: 'needs-theirs', demand: ofMemory(600) });
    expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 1 });
    expect(await site.docker.exists(old)).toBe(false);
    expect(await metric(owner, 'function_runner_warm_evictions_total')).toBe(1);
    await go('busy');
    expect((await site.end(busy)).last).toMatchObject({ status: 'completed', attempt: 1 });
    for (const worker of workers) await worker.end('SIGTERM');
  });
});

describe('tasks of a server-mode pipeline', () => {
  const SERVED = { pipelineId: SERVER_PIPELINE };

  it('two at once get a container each, both are kept, and the next two use them', async () => {
    const worker = await startWorker();
    const pair = async (nodes: string[]): Promise<void> => {
      const tasks = await Promise.all(nodes.map((nodeId) => site.submit(UNTIL_GO, { ...SERVED, nodeId })));
      for (const task of tasks) await site.reached(task, 'up 1');
      expect(await ids()).toHaveLength(2);
      await Promise.all(nodes.map(go));
      for (const task of tasks) expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 1 });
    };
    await pair(['served-1', 'served-2']);
    await waitFor('both to be warm', async () => (await metric(worker, 'function_runner_warm_containers')) === 2);
    const first = await ids();
    await pair(['served-3', 'served-4']);
    expect(await ids()).toEqual(first);
    expect(await metric(worker, 'function_runner_serving_taken_total{outcome="hit"}')).toBe(2);
    await worker.end('SIGTERM');
    expect(await ids()).toEqual([]);
    expect(await readdir(join(site.workspace, 'Film', 'outputs'))).not.toContain('.staging');
  });

  it('one after the other share a container, however quickly they follow', async () => {
    const worker = await startWorker();
    const tasks = [];
    // A tier that runs one at a time: each is taken the moment that the one before has ended.
    for (let nth = 0; nth < 6; nth += 1) tasks.push(await site.submit(`fs.writeFileSync(task.outputDir + '/nth', String(state.tasks.length));`, { ...SERVED, tier: 'low', nodeId: `quick-${nth}` }));
    for (const task of tasks) expect((await site.end(task)).last).toMatchObject({ status: 'completed' });
    expect(await metric(worker, 'function_runner_serving_taken_total{outcome="miss"}')).toBe(1);
    expect(await metric(worker, 'function_runner_serving_taken_total{outcome="hit"}')).toBe(5);
    expect(await ids()).toHaveLength(1);
    await worker.end('SIGTERM');
  });

  it('whose worker is killed in the middle: another one finishes it, once, and the old container is gone before that', async () => {
    const first = await startWorker();
    const task = await site.submit(`process.stdin.on('end', () => {}); ${UNTIL_GO}`, { ...SERVED, nodeId: 'served-killed' });
    await site.reached(task, 'up 1');
    const [old = ''] = await ids();
    await first.end('SIGKILL');
    expect(first.running).toBe(false);
    expect(await site.docker.exists(old)).toBe(true);
    await startWorker();
    await site.reached(task, 'up 2', 40_000);
    expect(await site.docker.exists(old)).toBe(false);
    expect(await ids()).toHaveLength(1);
    expect((await readdir(join(site.workspace, 'Film/outputs/.staging'))).filter((name) => name.startsWith('serving-'))).toHaveLength(1);
    await go('served-killed');
    expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 2 });
    expect(await takes('served-killed')).toEqual([task.taskId]);
    for (const worker of workers) await worker.end('SIGTERM');
    expect(await readdir(join(site.workspace, 'Film', 'outputs'))).not.toContain('.staging');
  });

  it('by SIGTERM with a long one: puts it back, and leaves neither container nor folder', async () => {
    const worker = await startWorker({ DRAIN_TIMEOUT: '500ms' });
    const task = await site.submit(UNTIL_GO, { ...SERVED, nodeId: 'served-long' });
    await site.reached(task, 'up 1');
    await worker.end('SIGTERM');
    expect(await ids()).toEqual([]);
    expect(await readdir(join(site.workspace, 'Film', 'outputs'))).not.toContain('.staging');
    expect(await site.store.read(task.taskId)).toMatchObject({ state: 'queued' });
    await site.store.cancel(task, 'test is over');
  });
});

describe('a worker that goes away', () => {
  it('by SIGKILL: another one finishes its task, once, and nothing is left', async () => {
    const first = await startWorker();
    const task = await site.submit(UNTIL_GO, { nodeId: 'killed' });
    await site.reached(task, 'up 1');
    const orphan = await site.docker.runningContainer(task.taskId);
    await first.end('SIGKILL');
    // The fault has fired: the process is gone, its container is not.
    expect(first.running).toBe(false);
    expect(await site.docker.exists(orphan ?? '')).toBe(true);
    await startWorker();
    // Its lock must expire, and then be found to have.
    await site.reached(task, 'up 2', 40_000);
    expect(await site.docker.exists(orphan ?? '')).toBe(false);
    await go('killed');
    expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 2 });
    expect(await takes('killed')).toEqual([task.taskId]);
    expect(await site.docker.containers()).toEqual([]);
  });

  it('by SIGTERM with a short task: finishes it and ends', async () => {
    const worker = await startWorker({ DRAIN_TIMEOUT: '30s' });
    const task = await site.submit(UNTIL_GO, { nodeId: 'short' });
    await site.reached(task, 'up 1');
    const ended = worker.end('SIGTERM');
    await waitFor('the drain', async () => (await fetch(`http://127.0.0.1:${worker.port}/health/ready`)).status === 503);
    const later = await site.submit('', { nodeId: 'later' });
    await go('short');
    await ended;
    expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 1 });
    // What came after the signal is left for others.
    expect(await site.store.read(later.taskId)).toMatchObject({ state: 'queued', attempt: 0 });
    await site.store.cancel(later, 'test is over');
  });

  it('by SIGTERM with a long task: puts it back untouched, and another one finishes it', async () => {
    const first = await startWorker({ DRAIN_TIMEOUT: '500ms' });
    const task = await site.submit(UNTIL_GO, { nodeId: 'long' });
    await site.reached(task, 'up 1');
    await first.end('SIGTERM');
    expect(await site.docker.containers()).toEqual([]);
    expect(await site.store.read(task.taskId)).toMatchObject({ state: 'queued' });
    await startWorker();
    await site.reached(task, 'up 2');
    await go('long');
    const { last, log } = await site.end(task);
    expect(last).toMatchObject({ status: 'completed', attempt: 2 });
    expect(log.filter(({ status }) => status === 'queued')).toHaveLength(2);
    expect(await site.connection.hget(`task:{${task.taskId}}`, 'losses')).toBe('0');
  });

  it('by a second SIGTERM: does so at once', async () => {
    const worker = await startWorker({ DRAIN_TIMEOUT: '10m' });
    const task = await site.submit(UNTIL_GO, { nodeId: 'hurried' });
    await site.reached(task, 'up 1');
    const ended = worker.end('SIGTERM');
    await waitFor('the drain', async () => (await fetch(`http://127.0.0.1:${worker.port}/health/ready`)).status === 503);
    await worker.end('SIGTERM');
    await ended;
    expect(await site.docker.containers()).toEqual([]);
    expect(await site.store.read(task.taskId)).toMatchObject({ state: 'queued' });
    await site.store.cancel(task, 'test is over');
  });
});

describe('a Redis that goes away', () => {
  it('and comes back in the middle of a run costs nothing', async () => {
    await startWorker();
    const task = await site.submit(UNTIL_GO, { nodeId: 'restarted' });
    await site.reached(task, 'up 1');
    const { pid } = site.redis;
    await site.redis.halt();
    await site.redis.resume();
    expect(site.redis.pid).not.toBe(pid);
    await go('restarted');
    expect((await site.end(task)).last).toMatchObject({ status: 'completed', attempt: 1 });
    await waitFor('the queue to be empty', async () => (await site.jobs('high')) === 0);
  });

  it('in that it is full while a lock is to be renewed costs nothing either', async () => {
    await startWorker();
    const task = await site.submit(UNTIL_GO, { nodeId: 'full' });
    await site.reached(task, 'up 1');
    const refusals = async (): Promise<number> => Number(/errorstat_OOM:count=(\d+)/.exec(await site.connection.info('errorstats'))?.[1] ?? 0);
    const before = await refusals();
    await site.connection.config('SET', 'maxmemory', '1');
    try {
      await waitFor('a refused renewal', async () => (await refusals()) > before);
      await go('full');
      await waitFor('the take', async () => (await takes('full')).length === 1);
    } finally {
      await site.connection.config('SET', 'maxmemory', '0');
    }
    expect((await site.end(task)).last).toMatchObject({ status: 'completed' });
    expect(await takes('full')).toEqual([task.taskId]);
    await waitFor('the queue to be empty', async () => (await site.jobs('high')) === 0, 30_000);
  });

  it('for longer than a lock lasts: the run goes on, and its task ends once, with one take', async () => {
    await startWorker();
    const task = await site.submit(UNTIL_GO, { nodeId: 'frozen' });
    await site.reached(task, 'up 1');
    const lock = `bull:quality_high:${task.taskId}:lock`;
    expect(await site.connection.get(lock)).not.toBeNull();
    const ranOut = async (): Promise<number> => Number(/expired_keys:(\d+)/.exec(await site.connection.info('stats'))?.[1]);
    const before = await ranOut();
    process.kill(site.redis.pid, 'SIGSTOP');
    const from = performance.now();
    await waitFor('the lock to have run out', () => performance.now() - from > 11_000);
    process.kill(site.redis.pid, 'SIGCONT');
    // The fault has fired: what had to be renewed ran out.
    await waitFor('keys to run out', async () => (await ranOut()) > before);
    await waitFor('the lock to be taken up again', async () => (await site.connection.exists(lock)) === 1);
    await go('frozen');
    expect((await site.end(task, 40_000)).last).toMatchObject({ status: 'completed', attempt: 1 });
    await waitFor('the queue to be empty', async () => (await site.jobs('high')) === 0, 40_000);
    expect(await takes('frozen')).toEqual([task.taskId]);
    await waitFor('no container to be left', async () => (await site.docker.containers()).length === 0);
  });
});
