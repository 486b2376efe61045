import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FLOWER, installModel } from './testing/real-models.js';
import { isEnd, ServerProcess, type Line } from './testing/server-process.js';
import { temporaryFolder } from './testing/temporary-folder.js';
import { sharp } from './sharp-engine.js';

const SLIM = ['--model', 'esrgan-slim-x2', '--scale', '2', '--range', '255'];
const THICK = ['--model', 'esrgan-thick-x4', '--scale', '4', '--range', '1'];

const root = temporaryFolder();
const modelsPath = join(root, 'models');
/** Where the servers would put temporary files. */
const temporary = join(root, 'tmp');
const image = join(root, 'image');
const started: ServerProcess[] = [];
let tasks = 0;

beforeAll(async () => {
  execFileSync(process.execPath, ['build/build-image-context.mjs', image], { cwd: new URL('..', import.meta.url) });
  installModel(modelsPath, 'slim', 2);
  installModel(modelsPath, 'thick', 4);
  mkdirSync(temporary);
  const flower = sharp(FLOWER).removeAlpha();
  await flower.clone().toFile(join(root, 'flower.png'));
  await flower.clone().resize(64, 64).toFile(join(root, 'small.png'));
  await flower.clone().resize(226, 150, { fit: 'fill' }).toFile(join(root, 'wide.png'));
  await flower.clone().resize(16, 16).toFile(join(root, 'tiny.png'));
});

afterEach(() => {
  for (const server of started.splice(0)) server.terminate();
  expect(readdirSync(temporary)).toEqual([]);
});

describe('a server', () => {
  it('is ready before any task, and answers each by what job mode would write', async () => {
    const server = await start();
    expect(server.lines).toEqual([{ type: 'ready' }]);
    for (const parameters of [{ input: 'wide.png' }, { input: 'small.png', scale: 1.5, format: 'webp' }, { input: 'small.png' }]) {
      const task = taskOf(parameters);
      server.send(task);
      const lines = await server.answer();
      expect(lines.at(-1)).toEqual({ type: 'done' });
      const values = lines.filter(({ type }) => type === 'progress').map(({ progress = -1 }) => progress);
      expect(values).toEqual([...values].sort((a, b) => a - b));
      expect([values[0], values.at(-1)]).toEqual([1, 100]);
      expect(metrics(lines)).toEqual(['inference_ms', 'peak_rss_bytes', 'rss_bytes', 'tensors', 'tiles']);
      expect(contentOf(task.outputDir)).toEqual(contentOf(jobMode(parameters)));
    }
    server.closeStdin();
    expect(await server.exit).toBe(0);
  });

  it('answers an error and goes on', async () => {
    const server = await start();
    for (const [parameters, code] of [[{ input: 'none.png' }, 'INPUT_NOT_FOUND'], [{}, 'VALIDATION_FAILED'], [{ input: 'tiny.png', scale: 7 }, 'VALIDATION_FAILED']] as const) {
      server.send(taskOf(parameters));
      expect((await server.answer()).at(-1)).toEqual({ type: 'error', code, message: expect.stringMatching(/\.$/) });
    }
    server.send(taskOf({ input: 'tiny.png' }, { outputDir: join(root, 'nowhere') }));
    expect((await server.answer()).at(-1)).toMatchObject({ code: 'WORKSPACE_UNAVAILABLE' });
    await expectGoodTask(server);
  });

  it('answers what is no task, and goes on', async () => {
    // The environment's folders are those of no task.
    const server = await start(SLIM, { OUTPUT_PATH: root, WORKSPACE_PATH: root });
    const task = taskOf({ input: 'tiny.png' });
    for (const line of ['hello', '[]', '{"type":"pause"}', { ...task, protocol: 2 }, { ...task, outputDir: undefined }, { ...task, workspacePath: undefined }]) {
      server.send(line);
      expect((await server.answer()).at(-1)).toMatchObject({ type: 'error', code: 'PROTOCOL_VIOLATION' });
    }
    await expectGoodTask(server);
  });

  it('answers in the order of the lines, each once, also after stdin has closed', async () => {
    const server = await start();
    const [first, second] = [taskOf({ input: 'small.png' }), taskOf({ input: 'tiny.png' })];
    for (const line of [first, 'hello', second]) server.send(line);
    server.closeStdin();
    expect(await server.exit).toBe(0);
    expect(server.lines.filter(isEnd).map(({ type, code }) => code ?? type)).toEqual(['done', 'PROTOCOL_VIOLATION', 'done']);
    expect(server.lines.filter(({ type }) => type === 'output').map(({ path }) => path)).toEqual(['small-x2.png', 'tiny-x2.png']);
  });

  it('ends when stdin closes', async () => {
    const server = await start();
    server.closeStdin();
    expect(await server.exit).toBe(0);
  });

  it.each([['none', 'MODEL_NOT_FOUND'], ['esrgan-thick-x4', 'MODEL_CORRUPT']])('that cannot load its model says so and ends: %s', async (model, code) => {
    const server = serve(['--model', model, '--scale', '2', '--range', '255']);
    expect(await server.exit).toBe(1);
    expect(server.lines).toEqual([{ type: 'error', code, message: expect.stringMatching(/\.$/) }]);
  });
});

describe('cancel', () => {
  it('ends the task in the middle of a tile, and the next one runs', async () => {
    const server = await start(THICK);
    const before = await expectGoodTask(server);
    const task = taskOf({ input: 'flower.png' });
    server.send(task);
    // Of a tile that takes many seconds, some percent is done.
    await server.until(({ step, progress = 0 }) => step === 'tile 1 of 1' && progress > 7);
    const asked = performance.now();
    server.send(cancelOf(task.taskId));
    const lines = await server.answer();
    const took = performance.now() - asked;
    console.info(`cancelled after ${took.toFixed(0)} ms`);
    expect(lines.at(-1)).toMatchObject({ type: 'error', code: 'CANCELLED' });
    expect(took).toBeLessThan(2000);
    expect(readdirSync(task.outputDir)).toEqual([]);
    expect(metric(lines, 'tensors')).toBe(before.tensors);
    // The runner may well try again under the same id.
    expect((await expectGoodTask(server, { taskId: task.taskId })).tensors).toBe(before.tensors);
  });

  it('of a task that waits ends it in its turn, and leaves the others alone', async () => {
    const server = await start();
    const [running, waiting] = [taskOf({ input: 'flower.png' }), taskOf({ input: 'tiny.png' })];
    for (const line of [running, waiting, cancelOf(waiting.taskId)]) server.send(line);
    expect((await server.answer()).at(-1)).toEqual({ type: 'done' });
    expect((await server.answer()).at(-1)).toMatchObject({ code: 'CANCELLED' });
    expect(readdirSync(waiting.outputDir)).toEqual([]);
  });

  it('of another task, of one that has ended and of none is ignored', async () => {
    const server = await start();
    const ended = taskOf({ input: 'tiny.png' });
    server.send(cancelOf('another'));
    server.send(ended);
    expect((await server.answer()).at(-1)).toEqual({ type: 'done' });
    server.send(taskOf({ input: 'small.png' }, { taskId: undefined }));
    await server.until(({ step }) => step === 'tile 1 of 1');
    for (const line of [cancelOf('another'), cancelOf(ended.taskId), cancelOf(''), { type: 'cancel' }]) server.send(line);
    expect((await server.answer()).at(-1)).toEqual({ type: 'done' });
    await expectGoodTask(server);
    server.closeStdin();
    expect(await server.exit).toBe(0);
    expect(server.lines.filter(isEnd)).toHaveLength(3);
  });
});

describe('SIGTERM', () => {
  it('ends an idle server', async () => {
    const server = await start();
    const at = performance.now();
    server.terminate();
    expect(await server.exit).toBe(143);
    expect(performance.now() - at).toBeLessThan(900);
  });

  it('ends a server in the middle of a tile, without an answer', async () => {
    const server = await start(THICK);
    const tasks = [taskOf({ input: 'flower.png' }), taskOf({ input: 'tiny.png' })];
    for (const task of tasks) server.send(task);
    await server.until(({ step }) => step === 'tile 1 of 1');
    const at = performance.now();
    server.terminate();
    expect(await server.exit).toBe(143);
    expect(performance.now() - at).toBeLessThan(2000);
    expect(server.lines.filter(isEnd)).toEqual([]);
    for (const { outputDir } of tasks) expect(readdirSync(outputDir)).toEqual([]);
  });
});

describe('thirty tasks in a row', () => {
  it('leave nothing behind, and hear of their progress at once', async () => {
    const server = await start();
    const seen: { tensors: number; rss: number; firstProgressMs: number }[] = [];
    for (let run = 0; run < 30; run++) {
      const sent = performance.now();
      server.send(taskOf({ input: 'small.png' }));
      await server.until(({ type }) => type === 'progress');
      const firstProgressMs = performance.now() - sent;
      const lines = await server.answer();
      expect(lines.at(-1)).toEqual({ type: 'done' });
      expect(metric(lines, 'peak_rss_bytes')).toBeGreaterThanOrEqual(metric(lines, 'rss_bytes'));
      seen.push({ tensors: metric(lines, 'tensors'), rss: metric(lines, 'rss_bytes'), firstProgressMs });
    }
    expect(new Set(seen.map(({ tensors }) => tensors)).size).toBe(1);
    const [fifth = 0, last = 0] = [seen[4]?.rss, seen.at(-1)?.rss];
    const latencies = seen.map(({ firstProgressMs }) => firstProgressMs).sort((a, b) => a - b);
    const [median = 0, worst = 0] = [latencies[15], latencies.at(-1)];
    console.info(`first progress: median ${median.toFixed(1)} ms, worst ${worst.toFixed(1)} ms; RSS ${(fifth / 1e6).toFixed(0)} MB after 5 tasks, ${(last / 1e6).toFixed(0)} MB after 30`);
    expect(last - fifth).toBeLessThan(20e6);
    expect(median).toBeLessThan(100);
  });

  it('report the peak of their own, and give a large picture back', async () => {
    const server = await start();
    const before = await expectGoodTask(server);
    await sharp({ create: { width: 4000, height: 3000, channels: 3, background: '#777' } }).png().toFile(join(root, 'large.png'));
    const large = taskOf({ input: 'large.png' });
    server.send(large);
    // Decoded by then, at 36 MB, with its answer of 144 MB at hand.
    await server.until(({ step }) => step?.startsWith('tile 2') ?? false);
    server.send(cancelOf(large.taskId));
    const lines = await server.answer();
    const after = await expectGoodTask(server);
    expect(metric(lines, 'peak_rss_bytes') - before.peak).toBeGreaterThan(30e6);
    expect(after.peak).toBeLessThan(metric(lines, 'peak_rss_bytes'));
    expect(after.rss).toBeLessThan(metric(lines, 'peak_rss_bytes') - 30e6);
  });
});

function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}): ServerProcess {
  const server = new ServerProcess(join(image, 'main.mjs'), args, { MODELS_PATH: modelsPath, TMPDIR: temporary, ...env });
  started.push(server);
  return server;
}

async function start(args: readonly string[] = SLIM, env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  const server = serve(args, env);
  await server.until(({ type }) => type === 'ready');
  return server;
}

/** `modelsPath` is wrong on purpose: a server has its model. */
function taskOf(parameters: object, other: object = {}) {
  const outputDir = join(root, `out-${++tasks}`);
  mkdirSync(outputDir);
  return { protocol: 1, taskId: `task-${tasks}`, attempt: 1, nodeId: 'n', nodeType: 'image_upscale', pipelineId: 'p', parameters, config: {}, workspacePath: root, outputDir, modelsPath: '/none', ...other };
}

function cancelOf(taskId: string): object {
  return { type: 'cancel', taskId };
}

async function expectGoodTask(server: ServerProcess, other: object = {}) {
  const task = taskOf({ input: 'tiny.png' }, other);
  server.send(task);
  const lines = await server.answer();
  expect(lines.at(-1)).toEqual({ type: 'done' });
  expect(readdirSync(task.outputDir)).toHaveLength(1);
  return { tensors: metric(lines, 'tensors'), peak: metric(lines, 'peak_rss_bytes'), rss: metric(lines, 'rss_bytes') };
}

function metric(lines: readonly Line[], wanted: string): number {
  return lines.find(({ name }) => name === wanted)?.value ?? NaN;
}

function metrics(lines: readonly Line[]): (string | undefined)[] {
  return lines.filter(({ type }) => type === 'metric').map(({ name }) => name).sort();
}

/** Runs the same program for one task; returns the folder it wrote to. */
function jobMode(parameters: object): string {
  const task = taskOf(parameters, { modelsPath });
  execFileSync(process.execPath, [join(image, 'main.mjs'), ...SLIM], { input: `${JSON.stringify(task)}\n` });
  return task.outputDir;
}

function contentOf(folder: string): [string, string][] {
  return readdirSync(folder).map((name) => [name, readFileSync(join(folder, name)).toString('base64')]);
}
