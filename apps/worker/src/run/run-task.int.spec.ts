import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TaskEvent } from '@function-runner/progress-protocol';
import { initStore, installModel, installPipeline } from '@function-runner/model-store';
import type { JobPayload } from '@function-runner/task-contract';
import type { TaskIdentity, TaskRecord } from '@function-runner/task-store';
import { DockerFixture, RedisFixture, SCRIPT_MODEL, SCRIPT_PIPELINE, SmallDisk, scriptModel, scriptPipeline, tempFolder, testBaseImage, testJob, waitFor, type TempFolder, type TestJobChanges } from '@function-runner/testing';
import { v7 as uuidv7 } from 'uuid';
import { loadWorkerConfig, type WorkerConfig } from '../config/worker-config.js';
import { WorkerWiring } from '../worker-wiring.fixture.js';
import type { RunEnd } from './run-task.js';

const docker = new DockerFixture();
let fixture: RedisFixture;
let folder: TempFolder;
let workspaceRoot: string;
let worker: WorkerWiring;

function configOf(changes: Record<string, string> = {}): WorkerConfig {
  return loadWorkerConfig({
    REDIS_URL: fixture.url, WORKSPACE_ROOT: workspaceRoot, MODELS_ROOT: join(folder.path, 'models'), INSTALL_ID: docker.installId, IMAGE_PULL: 'never', PROGRESS_PER_SECOND: '0',
    ...(process.env['DOCKER_HOST'] === undefined ? {} : { DOCKER_HOST: process.env['DOCKER_HOST'] }), ...changes,
  });
}

beforeAll(async () => {
  const image = await testBaseImage();
  fixture = await RedisFixture.start();
  folder = await tempFolder();
  await chmod(folder.path, 0o755);
  workspaceRoot = join(folder.path, 'workspace');
  await mkdir(join(workspaceRoot, 'Film', 'plates'), { recursive: true });
  await writeFile(join(workspaceRoot, 'Film', 'plates', 'a.txt'), 'plate');
  const store = join(folder.path, 'models');
  await initStore(store);
  await writeFile(join(folder.path, 'weights'), 'weights');
  await installModel(store, scriptModel(), [{ from: join(folder.path, 'weights'), name: 'weights.bin' }]);
  await installPipeline(store, 'image', scriptPipeline(image));
  await installPipeline(store, 'image', scriptPipeline(image, { id: 'small:1.0', memory: '64Mi' }));
  await installPipeline(store, 'image', { ...scriptPipeline(image), id: 'modelless:1.0', model_id: 'not-installed' });
  worker = await new WorkerWiring(configOf()).open();
  await worker.orders.listen();
});
afterEach(async () => {
  expect(await docker.containers()).toEqual([]);
  expect(worker.live.count).toBe(0);
  expect(worker.leases.count).toBe(0);
  expect(await readdir(join(workspaceRoot, 'Film', 'outputs')).catch(() => [])).not.toContain('.staging');
});
afterAll(async () => {
  await worker.close();
  await docker.stop();
  await fixture.stop();
  await folder.remove();
});

/** A job that was taken for the first time, and is ours. */
const TAKEN_FIRST = { starts: 1, claim: 'token:1', isOurs: () => Promise.resolve(true) };

interface Started {
  task: TaskIdentity;
  ended: Promise<RunEnd>;
  events(): Promise<TaskEvent[]>;
  record(): Promise<TaskRecord | undefined>;
  /** Waits until the pipeline has reported `step`. */
  reached(step: string): Promise<TaskEvent>;
}

/** Creates a task as the api does. */
async function create(payload: JobPayload): Promise<TaskIdentity> {
  const task: TaskIdentity = { taskId: uuidv7(), nodeId: payload.parameters.node_id, projectId: payload.parameters.project_id };
  await worker.store.create({ ...task, nodeType: payload.node_type, projectName: payload.trace.project_name, pipelineId: payload.pipeline_id, quality: 'high', submittedAt: payload.submitted_at }, 1);
  return task;
}

/** Creates a task, and runs it. */
async function start(script: string, changes: TestJobChanges = {}, by = worker): Promise<Started> {
  const payload = testJob(script, changes);
  const task = await create(payload);
  const ended = by.run(task.taskId, payload);
  ended.catch(() => undefined);
  const events = (): Promise<TaskEvent[]> => worker.store.events(task.taskId, 0);
  return { task, ended, events, record: () => worker.store.read(task.taskId), reached: (step) => waitFor(`the step ${step}`, async () => (await events()).find((event) => event.step === step)) };
}

/** What every task must show from outside, whatever happened to it. */
function checkLog(events: readonly TaskEvent[]): TaskEvent {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
  const ends = events.filter(({ status }) => ['completed', 'failed', 'cancelled'].includes(status));
  expect(ends).toHaveLength(1);
  const last = events.at(-1);
  expect(ends[0]).toBe(last);
  for (const [index, event] of events.entries()) {
    const before = events[index - 1];
    if (before !== undefined && before.attempt === event.attempt) expect(event.progress).toBeGreaterThanOrEqual(before.progress);
  }
  return last as TaskEvent;
}

const takes = (node: string): Promise<string[]> => readdir(join(workspaceRoot, 'Film/outputs/renders', node)).catch(() => []);

describe('a run that ends well', () => {
  it('is told from queued to completed, with the take in its place', async () => {
    const { task, ended, events, record } = await start(
      `await say({ type: 'progress', progress: 30, step: 'reading' });
       const input = fs.readFileSync(task.parameters.input, 'utf8');
       const weights = fs.readFileSync(task.modelsPath + '/${SCRIPT_MODEL}/weights.bin', 'utf8');
       fs.mkdirSync(task.outputDir + '/deep');
       fs.writeFileSync(task.outputDir + '/deep/take.txt', [input, weights, process.env.TASK_ID === task.taskId, process.env.OUTPUT_PATH].join());
       await say({ type: 'output', path: 'deep/take.txt', mediaType: 'text/x-take' });
       await say({ type: 'metric', name: 'psnr', value: 31.5 });
       await say({ type: 'progress', progress: 90, step: 'written' });`,
      { parameters: { input: 'plates/a.txt' }, nodeId: 'good' },
    );
    expect(await ended).toEqual({ kind: 'done' });
    const log = await events();
    expect(log.map(({ status, step, progress }) => [status, step, progress])).toEqual([
      ['queued', 'queued', 0], ['preparing', 'preparing', 0], ['running', 'running', 0], ['running', 'reading', 30], ['running', 'written', 90], ['running', 'publishing the take', 90], ['completed', 'completed', 100],
    ]);
    const last = checkLog(log);
    const content = 'plate,weights,true,/output';
    expect(last).toMatchObject({
      task_id: task.taskId, node_id: 'good', project_id: 'film', attempt: 1,
      result: {
        outputPath: `/workspace/Film/outputs/renders/good/${task.taskId}`,
        outputs: [{ path: 'deep/take.txt', mediaType: 'text/x-take', bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') }],
        metadata: { pipelineId: SCRIPT_PIPELINE, modelId: SCRIPT_MODEL, modelVersion: '1.0.0', attempt: 1, durationMs: expect.any(Number), queuedMs: expect.any(Number), metrics: { psnr: 31.5 } },
      },
    });
    expect(await readFile(join(workspaceRoot, 'Film/outputs/renders/good', task.taskId, 'deep/take.txt'), 'utf8')).toBe(content);
    expect(await record()).toMatchObject({ state: 'completed', attempt: 1, progress: 100, worker: worker.config.workerId, result: { outputs: [{ path: 'deep/take.txt' }] } });
    // A task's record and its log expire by themselves once it has ended.
    for (const key of [`task:{${task.taskId}}`, `task:{${task.taskId}}:events`]) expect(await worker.redis.main.pttl(key)).toBeGreaterThan(0);
  });

  it('reports the peak of its memory', async () => {
    const { ended, events } = await start(`const held = Buffer.alloc(50e6, 1); await wait(1500); fs.writeFileSync(task.outputDir + '/a', String(held.length));`, { nodeId: 'peak' });
    await ended;
    expect(checkLog(await events())).toMatchObject({ status: 'completed', result: { metadata: { peakMemoryBytes: expect.any(Number), cpuSeconds: expect.any(Number) } } });
  });

  it('is not run again where the task has ended', async () => {
    const { task, ended, events } = await start(`fs.writeFileSync(task.outputDir + '/a', '');`, { nodeId: 'once' });
    await ended;
    const before = await events();
    expect(await worker.run(task.taskId, testJob('throw 0'))).toEqual({ kind: 'done' });
    expect(await worker.run(uuidv7(), testJob('throw 0'))).toEqual({ kind: 'done' });
    expect(await events()).toEqual(before);
  });
});

describe('a run that fails', () => {
  it.each<[string, string, TestJobChanges, Record<string, unknown>]>([
    ['exits with an error', `process.stderr.write('loading\\nthe last words\\n', () => process.exit(3));`, {}, { code: 'CONTAINER_EXITED', error: expect.stringContaining('exit code 3'), retryable: false, log_tail: ['loading', 'the last words'] }],
    ['reports a known error', `await say({ type: 'error', code: 'NO_SPACE', message: 'scratch is full' }); process.exit(1);`, {}, { code: 'NO_SPACE', error: 'scratch is full', retryable: true, log_tail: ['error NO_SPACE: scratch is full'] }],
    ['leaves nothing', ``, {}, { code: 'OUTPUT_MISSING' }],
    ['announces what is not there', `fs.writeFileSync(task.outputDir + '/a', ''); await say({ type: 'output', path: 'b' });`, {}, { code: 'OUTPUT_MISSING', error: expect.stringContaining('"b"') }],
    ['leaves a symbolic link', `fs.symlinkSync('/etc/passwd', task.outputDir + '/a');`, {}, { code: 'PROTOCOL_VIOLATION' }],
    ['takes too long', `process.on('SIGTERM', () => {}); await say({ type: 'log', level: 'info', message: 'slow' }); await wait(1e6);`, { timeoutSeconds: 1 }, { code: 'TIMEOUT', error: expect.stringContaining('1 s'), retryable: true, log_tail: ['info: slow'] }],
  ])('because it %s', async (_, script, changes, expected) => {
    const { ended, events } = await start(script, { nodeId: 'bad', ...changes });
    expect(await ended).toEqual({ kind: 'done' });
    expect(checkLog(await events())).toMatchObject({ status: 'failed', log_tail: expect.any(Array), ...expected });
    expect(await takes('bad')).toEqual([]);
  });

  it.each<[string, TestJobChanges, string]>([
    ['an input that is not there', { parameters: { input: 'plates/b.txt' } }, 'INPUT_NOT_FOUND'],
    ['a path that leaves the project', { parameters: { input: '../secret' } }, 'PATH_NOT_ALLOWED'],
    ['a parameter of the wrong type', { parameters: { script: 7 } }, 'VALIDATION_FAILED'],
    ['a model that is not installed', { pipelineId: 'modelless:1.0' }, 'MODEL_NOT_FOUND'],
    ['an image that is not on the host', { pipelineId: 'nobodys:1.0', image: 'function-runner/no-such-image:1' }, 'IMAGE_NOT_AVAILABLE'],
  ])('before any container starts: %s', async (_, changes, code) => {
    const { ended, events } = await start(`fs.writeFileSync(task.outputDir + '/a', '');`, { nodeId: 'bad', ...changes });
    await ended;
    const log = await events();
    expect(checkLog(log)).toMatchObject({ status: 'failed', code });
    expect(log.map(({ status }) => status)).toEqual(['queued', 'preparing', 'failed']);
  });

  it('for want of space leaves no partial take', async () => {
    const disk = await SmallDisk.mount({ size: '4m' });
    // Only root may mount; elsewhere this fault cannot be made to happen.
    if (disk === undefined) {
      expect(process.getuid?.()).not.toBe(0);
      return;
    }
    const small = await new WorkerWiring(configOf({ WORKSPACE_ROOT: disk.path })).open();
    try {
      const { ended, events } = await start(
        `try { fs.writeFileSync(task.outputDir + '/half', Buffer.alloc(8 * 1024 * 1024)); } catch (error) { process.stderr.write(error.code + '\\n', () => process.exit(1)); await wait(1e6); }`, { nodeId: 'full' }, small);
      await ended;
      // The log proves that the kernel refused it.
      expect(checkLog(await events())).toMatchObject({ status: 'failed', code: 'NO_SPACE', retryable: true, log_tail: ['ENOSPC'] });
      expect(await readdir(join(disk.path, 'Film'), { recursive: true })).toEqual(['outputs']);
    } finally {
      await small.close();
      await disk.remove();
    }
  });
});

describe('a run that runs out of memory', () => {
  const MIB = 1024 ** 2;
  const GIB = 1024 ** 3;
  const EATS_ALL = `const held = []; for (;;) held.push(Buffer.alloc(4e6, 1));`;
  const onHost = (memory: number): NonNullable<TestJobChanges['demand']> => ({ gpus: 0, vram_bytes: 0, splittable: false, cpu_millis: 1000, memory_bytes: memory });
  const SMALL: TestJobChanges = { pipelineId: 'small:1.0', nodeId: 'hungry', demand: onHost(64 * MIB) };

  /** What the job is to be put back with. */
  async function putBack({ ended }: Started): Promise<JobPayload> {
    const end = await ended;
    if (end.kind !== 'put-back' || end.payload === undefined) throw new Error(`not put back with other data: ${JSON.stringify(end)}`);
    return end.payload;
  }

  it('is put back with twice the memory, in its limit and in what it holds of the host, and says so', async () => {
    const first = await start(EATS_ALL, SMALL);
    const again = await putBack(first);
    expect(again).toEqual({ ...testJob(EATS_ALL, SMALL), submitted_at: again.submitted_at, demand: onHost(128 * MIB), memory_limit_bytes: 128 * MIB });
    expect(await first.record()).toMatchObject({ state: 'queued', attempt: 1 });
    expect((await first.events()).at(-1)).toMatchObject({ status: 'queued', step: 'ran out of memory; waiting to try once more with 128 MiB' });
    expect(await worker.redis.main.hget(`task:{${first.task.taskId}}`, 'losses')).toBe('0');

    // Once is enough. That the sentence names the larger limit proves that the container had it.
    expect(await worker.run(first.task.taskId, again)).toEqual({ kind: 'done' });
    const log = await first.events();
    expect(checkLog(log)).toMatchObject({ status: 'failed', attempt: 2, code: 'OUT_OF_MEMORY', error: expect.stringContaining('its memory limit of 128 MiB') });
    expect(log.filter(({ status }) => status === 'queued')).toHaveLength(2);
    expect(await takes('hungry')).toEqual([]);
  });

  it('ends well where that is enough', async () => {
    // More than the first limit, and far less than the second, even beside node.
    const first = await start(`const held = Buffer.alloc(80e6, 1); fs.writeFileSync(task.outputDir + '/a', String(held.length));`, { ...SMALL, nodeId: 'grown' });
    expect(await worker.run(first.task.taskId, await putBack(first))).toEqual({ kind: 'done' });
    expect(checkLog(await first.events())).toMatchObject({ status: 'completed', attempt: 2 });
    expect(await takes('grown')).toEqual([first.task.taskId]);
  });

  it('on a GPU is put back with more of that, and the limit of its container stays', async () => {
    const owner = await new WorkerWiring(configOf({ HOST_ID: 'with-gpu', GPU_INVENTORY: '[{"uuid":"GPU-a","name":"A","vram_gib":24}]' })).open();
    const first = await start(`await say({ type: 'error', code: 'OUT_OF_MEMORY', message: 'CUDA out of memory' }); process.exit(1);`, { targetVram: 8, nodeId: 'hungry' }, owner);
    expect(await putBack(first)).toMatchObject({ demand: { gpus: 1, vram_bytes: 12 * GIB }, memory_limit_bytes: 256 * MIB });
    expect((await first.events()).at(-1)).toMatchObject({ status: 'queued', step: 'ran out of memory; waiting to try once more with 12 GiB on the GPU' });
    await owner.store.cancel(first.task, 'test is over');
    await owner.close();
  });

  it.each<[string, Record<string, string>, string, TestJobChanges, string]>([
    ['memory', { HOST_MEMORY: '64Mi' }, EATS_ALL, SMALL, 'its memory limit of 64 MiB'],
    ['on its GPU', { GPU_INVENTORY: '[{"uuid":"GPU-a","name":"A","vram_gib":24}]' }, `await say({ type: 'error', code: 'OUT_OF_MEMORY', message: 'CUDA out of memory' }); process.exit(1);`, { targetVram: 24, nodeId: 'hungry' }, 'CUDA out of memory'],
  ])('fails at once on a host that has no more %s', async (name, settings, script, changes, sentence) => {
    const narrow = await new WorkerWiring(configOf({ HOST_ID: `narrow ${name}`, ...settings })).open();
    const { ended, events } = await start(script, changes, narrow);
    expect(await ended).toEqual({ kind: 'done' });
    expect(checkLog(await events())).toMatchObject({ status: 'failed', attempt: 1, code: 'OUT_OF_MEMORY', error: expect.stringContaining(sentence) });
    await narrow.close();
  });

  it('is not put back where somebody has cancelled it meanwhile', async () => {
    // Cancelled while it still runs, unheard: the store knows, the worker does not.
    const deaf = await new WorkerWiring(configOf({ PROGRESS_PER_SECOND: '1' })).open();
    const { task, ended, events, reached } = await start(`await say({ type: 'progress', progress: 10, step: 'up' }); while (!fs.existsSync('/workspace/Film/eat')) await wait(20); ${EATS_ALL}`, { ...SMALL, nodeId: 'hungry' }, deaf);
    await reached('up');
    await deaf.store.cancel(task, 'too hungry');
    await writeFile(join(workspaceRoot, 'Film', 'eat'), '');
    expect(await ended).toEqual({ kind: 'done' });
    expect(checkLog(await events())).toMatchObject({ status: 'cancelled' });
    await deaf.close();
  });
});

describe('a run that is stopped', () => {
  const UNTIL_STOPPED = `process.on('SIGTERM', () => { fs.writeFileSync(task.outputDir + '/last', ''); process.exit(0); }); await say({ type: 'progress', progress: 10, step: 'up' }); await wait(1e6);`;

  it('by a cancel ends cancelled, once, after its container is gone', async () => {
    const { task, ended, events, record, reached } = await start(UNTIL_STOPPED, { nodeId: 'cancelled' });
    await reached('up');
    expect(await docker.runningContainer(task.taskId)).toBeDefined();
    let containersAtTheEnd: number | undefined;
    const watching = waitFor('the end', async () => ((await record())?.state === 'cancelled' ? true : undefined)).then(async () => (containersAtTheEnd = (await docker.containers(task.taskId)).length));
    expect(await worker.store.cancel(task, 'the artist changed their mind')).toEqual({ kind: 'cancelling' });
    expect(await worker.store.cancel(task, 'twice')).toEqual({ kind: 'cancelling' });
    expect(await ended).toEqual({ kind: 'done' });
    await watching;
    expect(containersAtTheEnd).toBe(0);
    const log = await events();
    expect(checkLog(log)).toMatchObject({ status: 'cancelled', reason: 'the artist changed their mind' });
    expect(log.filter(({ status }) => status === 'cancelling')).toHaveLength(1);
    expect(await takes('cancelled')).toEqual([]);
    expect(await worker.store.cancel(task, 'after the end')).toEqual({ kind: 'ended', state: 'cancelled' });
  });

  it('by a cancel whose message was lost meets the mark in the log', async () => {
    const deaf = await new WorkerWiring(configOf()).open();
    const { task, ended, events, reached } = await start(`for (let i = 0; ; i += 1) { await say({ type: 'progress', progress: i / 100, step: 'step ' + i }); await wait(50); }`, { nodeId: 'cancelled' }, deaf);
    await reached('step 1');
    await deaf.store.cancel(task, 'unheard');
    expect(await ended).toEqual({ kind: 'done' });
    expect(checkLog(await events())).toMatchObject({ status: 'cancelled' });
    await deaf.close();
  });

  it('by a drain is put back untouched, and run by the next', async () => {
    const first = await new WorkerWiring(configOf()).open();
    const { task, ended, events, record, reached } = await start(`await say({ type: 'progress', progress: 10, step: 'up' }); if (task.attempt === 1) await wait(1e6); fs.writeFileSync(task.outputDir + '/a', String(task.attempt));`, { nodeId: 'drained' }, first);
    await reached('up');
    first.live.stopAll({ kind: 'drain' });
    expect(await ended).toEqual({ kind: 'put-back' });
    expect(await docker.containers()).toEqual([]);
    expect(await record()).toMatchObject({ state: 'queued' });
    expect(await worker.redis.main.hget(`task:{${task.taskId}}`, 'losses')).toBe('0');
    await first.close();
    await worker.run(task.taskId, testJob(`fs.writeFileSync(task.outputDir + '/a', String(task.attempt));`, { nodeId: 'drained' }));
    const log = await events();
    expect(checkLog(log)).toMatchObject({ status: 'completed', attempt: 2 });
    expect(log.filter(({ status }) => status === 'queued')).toHaveLength(2);
    expect(await readFile(join(workspaceRoot, 'Film/outputs/renders/drained', task.taskId, 'a'), 'utf8')).toBe('2');
  });

  it('by the loss of its lease is put back, and counts as nobody’s death', async () => {
    const { task, ended, record, events, reached } = await start(UNTIL_STOPPED, { nodeId: 'leaseless' });
    await reached('up');
    worker.live.stop(task.taskId, { kind: 'lease-lost' });
    expect(await ended).toEqual({ kind: 'put-back' });
    expect(await docker.containers()).toEqual([]);
    expect(await record()).toMatchObject({ state: 'queued', attempt: 1 });
    expect((await events()).at(-1)).toMatchObject({ status: 'queued', step: 'put back by a worker that lost its hold of the host' });
    expect(await takes('leaseless')).toEqual([]);
    await worker.store.cancel(task, 'test is over');
  });

  it('by the loss of its lease says nothing where another has the task by now', async () => {
    const { task, ended, record, reached } = await start(UNTIL_STOPPED, { nodeId: 'leaseless' });
    await reached('up');
    await worker.store.begin(task, 'another-worker', 3);
    worker.live.stop(task.taskId, { kind: 'lease-lost' });
    expect(await ended).toEqual({ kind: 'done' });
    expect(await record()).toMatchObject({ state: 'preparing', attempt: 2, worker: 'another-worker' });
  });

  it('before its container starts, since its lease is gone, is put back as well', async () => {
    const other = await new WorkerWiring(configOf()).open();
    // As intake does.
    other.leases.onLost(({ taskId }) => taskId !== undefined && other.live.stop(taskId, { kind: 'lease-lost' }));
    const payload = testJob(`fs.writeFileSync(task.outputDir + '/a', '');`, { nodeId: 'leaseless' });
    const task = await create(payload);
    const lease = await other.lease(task.taskId, payload);
    // Frozen for so long that it was given to others.
    await other.host.book.release(other.config.workerId, [lease.id]);
    lease.renewedAt -= 60_000;
    expect(await other.runTask.run({ taskId: task.taskId, payload, lease, ...TAKEN_FIRST })).toEqual({ kind: 'put-back' });
    expect(await other.store.read(task.taskId)).toMatchObject({ state: 'queued', attempt: 1 });
    expect((await other.store.events(task.taskId, 0)).map(({ status }) => status)).not.toContain('running');
    await other.store.cancel(task, 'test is over');
    await other.close();
  });

  it('by others, who ended its container for want of a lease while this worker was frozen, is no failure of its pipeline’s', async () => {
    const payload = testJob(UNTIL_STOPPED, { nodeId: 'leaseless' });
    const task = await create(payload);
    const lease = await worker.lease(task.taskId, payload);
    const ended = worker.runTask.run({ taskId: task.taskId, payload, lease, ...TAKEN_FIRST });
    const container = await waitFor('its container', () => docker.runningContainer(task.taskId));
    // As after a while without a renewal.
    await worker.host.book.release(worker.config.workerId, [lease.id]);
    lease.renewedAt -= 10_000;
    await docker.kill(container);
    expect(await ended).toEqual({ kind: 'put-back' });
    expect(await worker.store.read(task.taskId)).toMatchObject({ state: 'queued', attempt: 1 });
    await worker.leases.release([lease]);
    await worker.store.cancel(task, 'test is over');
  });

  it('since its job is another’s by now, as its queue says when it fails or would publish, says and publishes nothing', async () => {
    for (const script of [`process.exit(3)`, `fs.writeFileSync(task.outputDir + '/a', '');`]) {
      const payload = testJob(script, { nodeId: 'not-ours' });
      const task = await create(payload);
      // As intake does: the question itself stops what is not ours.
      const isOurs = (): Promise<boolean> => {
        worker.live.stop(task.taskId, { kind: 'superseded' });
        return Promise.resolve(false);
      };
      expect(await worker.run(task.taskId, payload, isOurs)).toEqual({ kind: 'done' });
      expect(await worker.store.read(task.taskId)).toMatchObject({ state: 'running', attempt: 1 });
      expect(await takes('not-ours')).toEqual([]);
      await worker.store.cancel(task, 'test is over');
    }
  });

  it('by a newer attempt says nothing more and publishes nothing', async () => {
    const { task, ended, events, record, reached } = await start(`await say({ type: 'progress', progress: 10, step: 'up' }); while (!fs.existsSync('/workspace/Film/go')) await wait(20); fs.writeFileSync(task.outputDir + '/a', '');`, { nodeId: 'superseded' });
    await reached('up');
    expect(await worker.store.begin(task, 'another-worker', 3)).toEqual({ kind: 'started', attempt: 2 });
    // Nothing tells the first attempt: it goes on to its end and finds out when it wants to publish.
    await writeFile(join(workspaceRoot, 'Film', 'go'), '');
    expect(await ended).toEqual({ kind: 'done' });
    expect(await takes('superseded')).toEqual([]);
    expect(await record()).toMatchObject({ state: 'preparing', attempt: 2, worker: 'another-worker' });
    expect((await events()).at(-1)).toMatchObject({ attempt: 2, status: 'preparing' });
  });

  it('keeps the first take, and reports that one, when two attempts come to publish', async () => {
    const { task, ended } = await start(`fs.writeFileSync(task.outputDir + '/a.txt', 'first');`, { nodeId: 'twice' });
    await ended;
    // As after a crash between the rename and the last event: the take is there, the task has not ended.
    await worker.redis.main.hset(`task:{${task.taskId}}`, { state: 'running' });
    await worker.run(task.taskId, testJob(`fs.writeFileSync(task.outputDir + '/b.txt', 'second');`, { nodeId: 'twice' }));
    const last = (await worker.store.events(task.taskId, 0)).at(-1);
    expect(last).toMatchObject({ status: 'completed', attempt: 2, result: { outputs: [{ path: 'a.txt', sha256: createHash('sha256').update('first').digest('hex') }] } });
    expect(await readdir(join(workspaceRoot, 'Film/outputs/renders/twice', task.taskId))).toEqual(['a.txt']);
  });

  it('removes the container that an attempt before it has left', async () => {
    const { task, ended, reached } = await start(`await say({ type: 'progress', progress: 10, step: 'up' }); await wait(1e6);`, { nodeId: 'left' });
    await reached('up');
    const left = await docker.runningContainer(task.taskId);
    // The second attempt takes over while the first one's container still runs.
    const other = await new WorkerWiring(configOf()).open();
    expect(await other.run(task.taskId, testJob(`fs.writeFileSync(task.outputDir + '/a', '');`, { nodeId: 'left' }))).toEqual({ kind: 'done' });
    expect(await docker.exists(left ?? '')).toBe(false);
    expect(await ended).toEqual({ kind: 'done' });
    expect(checkLog(await other.store.events(task.taskId, 0))).toMatchObject({ status: 'completed', attempt: 2 });
    expect(await takes('left')).toHaveLength(1);
    await other.close();
  });

  it('is poison after its workers have died too often', async () => {
    const { task, ended } = await start(`fs.writeFileSync(task.outputDir + '/a', '');`, { nodeId: 'poison' }, worker);
    await ended;
    await worker.redis.main.hset(`task:{${task.taskId}}`, { state: 'running', losses: worker.config.maxLosses - 1 });
    expect(await worker.run(task.taskId, testJob(''))).toEqual({ kind: 'done' });
    expect((await worker.store.events(task.taskId, 0)).at(-1)).toMatchObject({ status: 'failed', code: 'WORKER_LOST' });
  });
});

describe('a Redis that is full', () => {
  async function whileFull(fired: () => Promise<void>): Promise<void> {
    await worker.redis.main.config('SET', 'maxmemory', '1');
    try {
      await expect(worker.redis.main.set('probe', 'x')).rejects.toThrow('OOM');
      await fired();
    } finally {
      await worker.redis.main.config('SET', 'maxmemory', '0');
    }
  }

  it('costs a run nothing: its end is written when there is room again', async () => {
    const { ended, events, record, task, reached } = await start(`await say({ type: 'progress', progress: 10, step: 'up' }); await wait(300); await say({ type: 'progress', progress: 50, step: 'unheard' }); fs.writeFileSync(task.outputDir + '/a', '');`, { nodeId: 'full-redis' });
    await reached('up');
    await whileFull(async () => {
      await waitFor('the take', async () => (await takes('full-redis')).includes(task.taskId));
      expect((await record())?.state).toBe('running');
    });
    expect(await ended).toEqual({ kind: 'done' });
    const log = await events();
    expect(checkLog(log)).toMatchObject({ status: 'completed', attempt: 1 });
    expect(log.map(({ step }) => step)).not.toContain('unheard');
  });

  it('does not lose a time-out either', async () => {
    const { ended, events, task, reached } = await start(`await say({ type: 'progress', progress: 10, step: 'up' }); await wait(1e6);`, { nodeId: 'full-redis', timeoutSeconds: 1 });
    await reached('up');
    await whileFull(async () => {
      await waitFor('the container to be gone', async () => (await docker.containers(task.taskId)).length === 0);
      // Longer than two tries to write the end.
      const refused = await refusals();
      await waitFor('three refused writes', async () => (await refusals()) >= refused + 3);
    });
    expect(await ended).toEqual({ kind: 'done' });
    expect(checkLog(await events())).toMatchObject({ status: 'failed', code: 'TIMEOUT', attempt: 1 });
  });

  /** How often a script was refused, as Redis itself counts. */
  async function refusals(): Promise<number> {
    const { 1: count } = /errorstat_OOM:count=(\d+)/.exec(await worker.redis.main.info('errorstats')) ?? [];
    return Number(count ?? 0);
  }
});
