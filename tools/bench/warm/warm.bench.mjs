// @ts-check
// Tasks of a server-mode pipeline in a container that is warm, beside a worker that keeps none and beside bare `docker run`.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { Interrupted } from '../../setup/setup-error.mjs';
import { openEngine } from '../bench-engine.mjs';
import { closedLoop } from '../closed-loop.mjs';
import { cpuSeconds } from '../process-usage.mjs';
import { PROJECT_ID, startProduct } from '../product-apps.mjs';
import { openTaskClient } from '../task-client.mjs';
import { openStage } from '../temporary-stage.mjs';
import { warmFigures, warmReport } from './warm-figures.mjs';
import { COMMAND, installWarmPipelines, makePicture, NODE_TYPE, PICTURE, PICTURE_SIDE, UPSCALE_NODE_TYPE } from './warm-pipeline.mjs';
import { footprintSettings, takeFootprint } from './worker-footprint.mjs';

/** @typedef {import('../task-client.mjs').TaskClient} TaskClient */
/** @typedef {import('../task-client.mjs').TaskTimes} TaskTimes */

const IN_FLIGHT = 8;
/** More than are ever in flight: no task waits for a place. */
const CONCURRENCY = 16;
/** No task waits for something to lease either: each container claims two cores, so that no limit of its own slows it, and is idle nearly always. */
const PLENTY = { HOST_CPUS: '1000', HOST_MEMORY: '1000Gi' };
/** Until the JIT has compiled the hot path. */
const WARM_UP_MS = 3_000;
const LOAD_MS = 10_000;

const ROUNDS = 20;
/** Each round: one cold task, and these many warm ones. */
const WARM_PER_ROUND = 10;
/** Nobody clicks faster; what a worker does after a task's end is no part of the next one's latency. */
const PAUSE_MS = 50;
const BACK_TO_BACK_MS = 2_000;
const BARE_RUNS = 6;
const UPSCALES = 10;
/** What is not managed in this time is left out, but for these many rounds and warm tasks: the whole bench is bounded. */
const TURNS_LIMIT_MS = 13_000;
const ENOUGH_TURNS = 3;

const GROWTH_TASKS = 2_000;
const GROWTH_LIMIT_MS = 20_000;

/** @param {import('../../setup/program.mjs').ProgramContext} context @param {{ redisProgram: string }} tools */
export async function bench(context, { redisProgram }) {
  const { report, signal } = context;
  report.line('\nwarm: a warm container beside a cold one, throughput and growth');
  const engine = await openEngine(context, 'warm');
  const installations = { warm: engine.newInstallation(), cold: engine.newInstallation() };
  const stage = await openStage(context, { name: 'warm', redisProgram });
  // Of its own as well: two products on one Redis would share their tasks.
  const coldStage = await openStage(context, { name: 'warm-cold', redisProgram });
  const modelsRoot = join(stage.folder, 'models');
  const { pipelinesFile } = await report.step('Pipelines', async (say) => {
    const file = await installWarmPipelines(context, { folder: stage.folder, modelsRoot, engine }, say);
    return { pipelinesFile: file, detail: `${NODE_TYPE}, ${UPSCALE_NODE_TYPE}` };
  });
  const settings = { MODELS_ROOT: modelsRoot, PIPELINES_CONFIG: pipelinesFile, WORKER_CONCURRENCY: String(CONCURRENCY), ...PLENTY };
  const products = await report.step('Products', async () => {
    const warm = await startProduct(context, stage, { ...installations.warm, ...settings, ...footprintSettings(stage.folder), WARM_CONTAINERS: String(CONCURRENCY) });
    const cold = await startProduct(context, coldStage, { ...installations.cold, ...settings, WARM_CONTAINERS: '0' });
    return { warm, cold, detail: `worker pid ${warm.worker.pid}; one that keeps no container, pid ${cold.worker.pid}` };
  });
  for (const { folder } of [stage, coldStage]) await makePicture(join(folder, 'workspace', PROJECT_ID));
  /** @param {{ nodeType: string, parameters?: Record<string, unknown> }} request */
  const openClients = async (request) => ({
    warm: await openTaskClient(products.warm.apiUrl, { projectId: PROJECT_ID, ...request }),
    cold: await openTaskClient(products.cold.apiUrl, { projectId: PROJECT_ID, ...request }),
  });
  const trivialClients = await openClients({ nodeType: NODE_TYPE });
  const upscaleClients = await openClients({ nodeType: UPSCALE_NODE_TYPE, parameters: { input: PICTURE } });
  const client = trivialClients.warm;

  const outputFolder = join(stage.folder, 'bare-output');
  mkdirSync(outputFolder);
  const runBare = () => engine.runBare({ command: COMMAND, outputFolder, stdin: '{"protocol":1,"outputDir":"/output"}\n' });

  await report.step('Warm-up', async () => {
    for (const each of [trivialClients.cold, upscaleClients.cold, upscaleClients.warm]) await each.run();
    await runBare();
    const { tasks } = await closedLoop(client, { inFlight: 1, durationMs: WARM_UP_MS, signal });
    return { detail: `${tasks.length} tasks` };
  });
  const trivial = await report.step('1 in flight', async () => {
    const turns = await takeTurns(trivialClients, { rounds: ROUNDS, warmPerRound: WARM_PER_ROUND, runBare, signal });
    return { ...turns, detail: `${turns.cold.length} cold and ${turns.warm.length} warm tasks, in turn` };
  });
  const { tasks: backToBack } = await report.step('Back to back', async () => ({ ...(await closedLoop(client, { inFlight: 1, durationMs: BACK_TO_BACK_MS, signal })), detail: `${BACK_TO_BACK_MS / 1000} s` }));
  const upscale = await report.step('Upscale', async () => {
    const turns = await takeTurns(upscaleClients, { rounds: UPSCALES, warmPerRound: 1, signal });
    return { ...turns, detail: `${turns.cold.length} cold and warm, in turn` };
  });
  const load = await report.step('Throughput', async () => {
    const pids = { api: products.warm.api.pid, worker: products.warm.worker.pid, redis: stage.redisPid, 'client (the bench)': process.pid };
    return { ...(await measureLoad(client, pids, signal)), detail: `${IN_FLIGHT} in flight for ${LOAD_MS / 1000} s` };
  });
  const growth = await report.step('Growth', async () => {
    const { pid } = products.warm.worker;
    const before = await takeFootprint({ pid, folder: stage.folder, signal });
    const tasks = await runMany(client, signal);
    return { tasks, before, after: await takeFootprint({ pid, folder: stage.folder, signal }), detail: `${tasks} tasks` };
  });

  for (const each of [...Object.values(trivialClients), ...Object.values(upscaleClients)]) each.close();
  for (const { worker, api } of [products.warm, products.cold]) for (const program of [worker, api]) await program.stop();
  const runs = { trivial, backToBack, upscale, bare: trivial.bare, load, growth };
  const figures = warmFigures(runs);
  for (const line of warmReport(runs, figures, { ...engine, pauseMs: PAUSE_MS, pictureSide: PICTURE_SIDE })) report.line(line);
  return figures;
}

/**
 * Cold tasks, warm ones and bare runs, in turn: whatever else the machine does slows them all.
 * @param {{ cold: TaskClient, warm: TaskClient }} clients
 * @param {{ rounds: number, warmPerRound: number, runBare?: () => Promise<number>, signal: AbortSignal }} options
 */
async function takeTurns(clients, { rounds, warmPerRound, runBare, signal }) {
  /** @type {{ cold: TaskTimes[], warm: TaskTimes[], bare: number[] }} */
  const taken = { cold: [], warm: [], bare: [] };
  const until = performance.now() + TURNS_LIMIT_MS;
  const isEnough = () => performance.now() > until && taken.warm.length >= ENOUGH_TURNS;
  for (let round = 0; round < rounds; round += 1) {
    if (round >= ENOUGH_TURNS && isEnough()) break;
    taken.cold.push(await clients.cold.run());
    if (runBare && round < BARE_RUNS) taken.bare.push(await runBare());
    for (let each = 0; each < warmPerRound && !isEnough(); each += 1) {
      if (signal.aborted) throw new Interrupted();
      await pause(PAUSE_MS);
      taken.warm.push(await clients.warm.run());
    }
  }
  return taken;
}

/**
 * @param {TaskClient} client
 * @param {Record<string, number>} pids
 * @param {AbortSignal} signal
 */
async function measureLoad(client, pids, signal) {
  await closedLoop(client, { inFlight: IN_FLIGHT, durationMs: WARM_UP_MS, signal });
  const usage = () => Object.entries(pids).map(([name, pid]) => /** @type {const} */ ([name, cpuSeconds(pid)]));
  const before = new Map(usage());
  const { tasks, perSecond } = await closedLoop(client, { inFlight: IN_FLIGHT, durationMs: LOAD_MS, signal });
  const cpuMsPerTask = Object.fromEntries(usage().map(([name, seconds]) => [name, ((seconds - (before.get(name) ?? NaN)) * 1000) / tasks.length]));
  return { inFlight: IN_FLIGHT, perSecond, cpuMsPerTask };
}

/**
 * @param {TaskClient} client
 * @param {AbortSignal} signal
 * @returns {Promise<number>} tasks that ended
 */
async function runMany(client, signal) {
  let begun = 0;
  const until = performance.now() + GROWTH_LIMIT_MS;
  const lane = async () => {
    while (begun < GROWTH_TASKS && performance.now() < until) {
      if (signal.aborted) throw new Interrupted();
      begun += 1;
      await client.run();
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  return begun;
}
