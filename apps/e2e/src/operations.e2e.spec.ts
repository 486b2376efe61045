/** What an operator meets: configuration, readiness, and the engines that are not Docker. */
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { waitFor } from '@function-runner/testing';
import { checkInvariants } from './invariants/invariants.js';
import { plate } from './pictures/plate.js';
import { tiersFile } from './puppet/puppet-pipelines.js';
import { call } from './rest/call.js';
import { AppProcess, type AppName } from './stack/app-process.js';
import { REPOSITORY } from './stack/repository.js';
import { RunnerStack, type Environment } from './stack/runner-stack.js';

const TEST_MS = 60_000;

/** README: each ready within 3 s, at most 150 MB idle. A machine that is busy with other tests is given more time. */
const READY_MS = 10_000;
const IDLE_BYTES = 150 * 1024 ** 2;

const UPSCALE_IMAGE = 'function-runner/image-upscale:1.0';

describe('a wrong configuration', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'function-runner-config-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Starts an app that must refuse to, and returns what it says. */
  async function refusal(name: AppName, environment: Environment): Promise<string> {
    const app = await AppProcess.spawn(name, folder, environment);
    try {
      await waitFor(`the ${name} to end`, () => !app.alive);
      expect(await app.ended).toEqual({ code: 1, signal: null });
      return app.log;
    } finally {
      await app.crash();
    }
  }

  it.each(['api', 'worker'] as const)('in the pipelines file stops the %s with file, place and value, and no stack', async (name) => {
    const file = join(folder, 'pipelines.json');
    const { tiers } = tiersFile();
    await writeFile(file, JSON.stringify({ tiers: { ...tiers, low: { ...tiers['low'], max_concurrent: 0 }, ultra: {}, high: { ...tiers['high'], pipelines: { image_upscale: { pipeline_id: 'a b' } } } } }));
    const said = await refusal(name, { PIPELINES_CONFIG: file });
    expect(said).toContain(`${file} is not a valid pipelines file`);
    expect(said).toMatch(/tiers\.low\.max_concurrent: must not be less than 1 \(found 0\)/);
    expect(said).toMatch(/tiers\.ultra: is not a tier; the tiers are low, standard, high, premium/);
    expect(said).toMatch(/tiers\.high\.pipelines\.image_upscale\.pipeline_id: must be a pipeline id.*\(found "a b"\)/);
    expect(said).not.toMatch(/\n\s+at /);
  }, TEST_MS);

  it.each(['api', 'worker'] as const)('that is no JSON, or not there, stops the %s', async (name) => {
    const file = join(folder, 'broken.json');
    await writeFile(file, '{"tiers": ');
    for (const path of [file, join(folder, 'lost.json')]) {
      const said = await refusal(name, { PIPELINES_CONFIG: path });
      expect(said).toMatch(/cannot be read as JSON .*mend the file, or unset PIPELINES_CONFIG/);
      expect(said).toContain(path);
      expect(said).not.toMatch(/\n\s+at /);
    }
  }, TEST_MS);

  it.each(['api', 'worker'] as const)('in the environment stops the %s, naming each variable', async (name) => {
    const said = await refusal(name, { DRAIN_TIMEOUT: 'soon', EVENT_RETENTION: '5', LOG_LEVEL: 'loud' });
    expect(said).toMatch(/DRAIN_TIMEOUT must be a number with its unit.*not "soon"/);
    expect(said).toMatch(/EVENT_RETENTION must be .*not "5"/);
    expect(said).toMatch(/LOG_LEVEL must be one of .*not "loud"/);
    expect(said).not.toMatch(/\n\s+at /);
    expect(await refusal(name, { TIER_LOW_MAX_CONCURRENT: 'many' })).toMatch(/TIER_LOW_MAX_CONCURRENT must be a whole number from 1 to 10000, not "many"/);
  }, TEST_MS);

  it('that would let everybody in stops the api', async () => {
    const said = await refusal('api', { AUTH_MODE: 'none', HOST: '0.0.0.0' });
    expect(said).toMatch(/^HOST must be a loopback address while AUTH_MODE is none: .*not "0\.0\.0\.0"/);
    expect(said).not.toMatch(/\n\s+at /);
  }, TEST_MS);
});

describe('readiness', () => {
  let stack: RunnerStack;

  beforeAll(async () => {
    stack = await RunnerStack.start();
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  /** Waits until the app says that this check is down, and returns what it says of it. */
  async function isDown(app: AppProcess, check: string): Promise<string> {
    return waitFor(`${check} of the ${app.name} to be down`, async () => {
      const { status, body } = await call(app, 'GET', '/health/ready');
      const found = (body as { details?: Record<string, { status: string; message?: string }> }).details?.[check];
      return status === 503 && found?.status === 'down' ? (found.message ?? ' ') : undefined;
    });
  }

  async function areReady(): Promise<void> {
    for (const app of [...stack.apis, ...stack.workers]) await app.ready();
  }

  function worker(): AppProcess {
    const [first] = stack.workers;
    if (first === undefined) throw new Error('no worker');
    return first;
  }

  it('comes soon, and costs little memory', async () => {
    const [api, second] = await Promise.all((['api', 'worker'] as const).map(async (name) => {
      const started = performance.now();
      const app = await (name === 'api' ? stack.addApi() : stack.addWorker());
      return { app, ms: performance.now() - started };
    }));
    for (const { app, ms } of [api, second].filter((entry) => entry !== undefined)) {
      let bytes = Number.NaN;
      // Some of what a start needs is given back in the moments after it.
      await waitFor(`the ${app.name} to hold little memory`, async () => {
        bytes = Number(/^process_resident_memory_bytes (\S+)$/m.exec(String((await call(app, 'GET', '/metrics')).body))?.[1]);
        return bytes < IDLE_BYTES;
      });
      process.stdout.write(`  ${app.name}: ready after ${(ms / 1000).toFixed(1)} s, ${Math.round(bytes / 1e6)} MB\n`);
      expect(ms).toBeLessThan(READY_MS);
    }
  }, TEST_MS);

  it('ends where Redis might evict tasks, and comes back', async () => {
    await stack.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
    for (const app of [stack.api, worker()]) expect(await isDown(app, 'redis')).toMatch(/CONFIG SET maxmemory-policy noeviction/);
    await stack.redis.config('SET', 'maxmemory-policy', 'noeviction');
    await areReady();
  }, TEST_MS);

  it('ends where Redis keeps nothing, and where it is away, and comes back', async () => {
    await stack.redis.config('SET', 'appendonly', 'no');
    for (const app of [stack.api, worker()]) expect(await isDown(app, 'redis')).toMatch(/appendonly yes/);
    await stack.redis.config('SET', 'appendonly', 'yes');
    await areReady();
    await stack.redisServer.halt();
    for (const app of [stack.api, worker()]) await isDown(app, 'redis');
    for (const app of [stack.api, worker()]) expect(await call(app, 'GET', '/health/live')).toMatchObject({ status: 200 });
    await stack.redisServer.resume();
    await areReady();
  }, TEST_MS);

  it('of a worker ends without the model store, and without the workspace', async () => {
    await rename(stack.modelsRoot, `${stack.modelsRoot}.away`);
    expect(await isDown(worker(), 'model_storage')).toContain('AI_Models');
    await rename(`${stack.modelsRoot}.away`, stack.modelsRoot);
    await areReady();
    await rename(stack.workspaceRoot, `${stack.workspaceRoot}.away`);
    expect(await isDown(worker(), 'workspace')).toContain(stack.workspaceRoot);
    await rename(`${stack.workspaceRoot}.away`, stack.workspaceRoot);
    await areReady();
  }, TEST_MS);

  it('of a worker does not come without its container engine, nor with a sick GPU driver', async () => {
    const programs = join(stack.folder, 'bin');
    await mkdir(programs);
    await writeFile(join(programs, 'nvidia-smi'), '#!/bin/sh\necho "Failed to initialize NVML: Driver/library version mismatch"\nexit 9\n');
    await chmod(join(programs, 'nvidia-smi'), 0o755);
    const wrong: { check: string; environment: Environment; sentence: RegExp }[] = [
      { check: 'docker', environment: { DOCKER_HOST: `unix://${stack.folder}/no.sock` }, sentence: /no\.sock/ },
      { check: 'gpu', environment: { GPU_INVENTORY: 'auto', PATH: `${programs}:${process.env['PATH']}` }, sentence: /nvidia-smi failed: Failed to initialize NVML/ },
    ];
    for (const { check, environment, sentence } of wrong) {
      const sick = await AppProcess.spawn('worker', stack.folder, stack.environmentFor(environment));
      try {
        expect(await isDown(sick, check)).toMatch(sentence);
        expect(await call(sick, 'GET', '/health/live')).toMatchObject({ status: 200 });
      } finally {
        await sick.stop();
      }
    }
  }, TEST_MS);
});

describe('CONTAINER_ENGINE=process', () => {
  let stack: RunnerStack;

  beforeAll(async () => {
    const commands = { [UPSCALE_IMAGE]: [process.execPath, join(REPOSITORY, 'pipelines', 'image-upscale', 'dist', 'image', 'main.mjs')] };
    stack = await RunnerStack.start({ environment: { CONTAINER_ENGINE: 'process', PROCESS_COMMANDS: JSON.stringify(commands) } });
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it('upscales a picture without a container, and says loudly that nothing is isolated', async () => {
    expect(stack.workers[0]?.log).toMatch(/NOTHING IS ISOLATED/);
    const project = await stack.project('low');
    const { small } = await plate(96, 64, 2);
    await writeFile(await stack.place(project, 'plates/frame.png'), small);
    const editor = await stack.editor();
    const { taskId } = await editor.start({ projectId: project.id, nodeType: 'image_upscale', parameters: { input: 'plates/frame.png' } });
    const { result } = await editor.success(taskId);
    const { width, height } = await sharp(join(stack.onDisk(result.outputPath), result.outputs[0]?.path ?? '')).metadata();
    expect([width, height]).toEqual([96, 64]);
    expect(await stack.containers.events()).toEqual([]);
  }, TEST_MS);
});

describe('CONTAINER_ENGINE=null', () => {
  let stack: RunnerStack;

  beforeAll(async () => {
    // Half a second between two events: none is coalesced, and runs of three tasks overlap for sure.
    stack = await RunnerStack.start({ environment: { CONTAINER_ENGINE: 'null', NULL_ENGINE_DURATION_MS: '2000', TIER_LOW_MAX_CONCURRENT: '3' } });
  }, TEST_MS);
  afterEach(() => checkInvariants(stack));
  afterAll(() => stack.stop());

  it('reports eight progress events and success, and runs nothing', async () => {
    const project = await stack.project('low');
    const editor = await stack.editor();
    const { taskId } = await editor.start({ projectId: project.id, nodeType: 'image_generation', parameters: {} });
    const { result } = await editor.success(taskId);
    const steps = editor.story(taskId).map(({ payload }) => payload.step).filter((step) => step.startsWith('null step'));
    expect(steps).toEqual(Array.from({ length: 8 }, (_, index) => `null step ${index + 1} of 8`));
    expect(result).toMatchObject({ outputs: [], metadata: { pipelineId: 'auteur-flux:1.0-low-vram', attempt: 1 } });
    expect(await stack.containers.events()).toEqual([]);
  }, TEST_MS);

  it('heeds TIER_LOW_MAX_CONCURRENT over the pipelines file', async () => {
    const { pipelines } = (await call(stack.api, 'GET', '/v1/pipelines')).body as { pipelines: { tier: string; maxConcurrent: number }[] };
    expect(pipelines.find(({ tier }) => tier === 'low')?.maxConcurrent).toBe(3);
    const project = await stack.project('low');
    const editor = await stack.editor();
    const tasks = await Promise.all(Array.from({ length: 5 }, (_, node) => editor.start({ projectId: project.id, nodeId: `node-${node}`, nodeType: 'image_generation' })));
    await Promise.all(tasks.map(({ taskId }) => editor.success(taskId)));
    let running = 0;
    let most = 0;
    for (const { name, payload } of editor.heard) {
      if (payload['status'] === 'preparing') most = Math.max(most, (running += 1));
      else if (name === 'task_success') running -= 1;
    }
    expect(most).toBe(3);
  }, TEST_MS);
});
