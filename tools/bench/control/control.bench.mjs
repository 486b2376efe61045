// @ts-check
// The control plane alone (CONTAINER_ENGINE=null) beside a bare floor on the same Redis, in turn: the machine is shared and
// noisy, so that only ratios of neighbours say something.
import process from 'node:process';
import { freePort } from '../../setup/free-port.mjs';
import { closedLoop } from '../closed-loop.mjs';
import { startNodeProgram } from '../node-program.mjs';
import { cpuSeconds, rssBytes } from '../process-usage.mjs';
import { plainEnvironment, PROJECT_ID, startProduct, TIER } from '../product-apps.mjs';
import { openTaskClient } from '../task-client.mjs';
import { openStage } from '../temporary-stage.mjs';
import { controlFigures } from './control-figures.mjs';
import { controlReport } from './control-report.mjs';

/** @typedef {import('./control-figures.mjs').Round} Round */
/** @typedef {import('../task-client.mjs').TaskClient} TaskClient */
/** @typedef {{ client: TaskClient, pids: Record<string, number> }} Side */

const MANY = 32;
/** More than are ever in flight: neither side waits for a place. */
const CONCURRENCY = 64;
/** Until the JIT has compiled the hot path: the product's is long, and a tenth of the tasks would show it as twice as slow. */
const WARM_UP_MS = 5_000;
const ROUND_MS = 1_500;
const PAIRS = 5;

/** @param {import('../../setup/program.mjs').ProgramContext} context @param {{ redisProgram: string }} tools */
export async function bench(context, { redisProgram }) {
  const { report, signal } = context;
  report.line('\ncontrol: the control plane beside a bare Socket.IO + BullMQ floor');
  const stage = await openStage(context, { name: 'control', redisProgram });

  const product = await report.step('Product', async () => {
    const started = await startProduct(context, stage, {
      CONTAINER_ENGINE: 'null',
      NULL_ENGINE_DURATION_MS: '0',
      PROGRESS_PER_SECOND: '0',
      WORKER_CONCURRENCY: String(CONCURRENCY),
      [`TIER_${TIER.toUpperCase()}_MAX_CONCURRENT`]: '1000',
    });
    return { ...started, detail: `api pid ${started.api.pid}, worker pid ${started.worker.pid}` };
  });
  const request = { projectId: PROJECT_ID, nodeType: 'image_generation' };
  const productClient = await openTaskClient(product.apiUrl, request);

  // What the product delivers for a task, the floor delivers too: the same events, with the same fields.
  /** @type {import('../floor/floor-settings.mjs').FloorEvent[]} */
  const events = [];
  const first = await productClient.run(({ name, payload }) => {
    const { taskId: _task, nodeId: _node, projectId: _project, seq: _seq, timestamp: _time, ...rest } = /** @type {Record<string, unknown>} */ (payload);
    if (name !== 'task_acknowledged') events.push({ name, payload: rest });
  });
  const floor = await report.step('Floor', async () => {
    const started = await startFloor(context, stage, events);
    return { ...started, detail: `server pid ${started.server.pid}, worker pid ${started.worker.pid}; ${first.messages} messages a task` };
  });
  const floorClient = await openTaskClient(floor.url, request);

  /** @type {Record<'floor' | 'product', Side>} */
  const sides = {
    floor: { client: floorClient, pids: { 'api / server': floor.server.pid, worker: floor.worker.pid, redis: stage.redisPid, 'client (the bench)': process.pid } },
    product: { client: productClient, pids: { 'api / server': product.api.pid, worker: product.worker.pid, redis: stage.redisPid, 'client (the bench)': process.pid } },
  };
  const measure = (/** @type {number} */ inFlight) => measurePairs(sides, { inFlight, messages: first.messages, signal });
  await report.step('Warm-up', async () => {
    for (const { client } of Object.values(sides)) await closedLoop(client, { inFlight: MANY, durationMs: WARM_UP_MS, signal });
    return { detail: `${WARM_UP_MS / 1000} s each` };
  });
  const one = await report.step('1 in flight', async () => ({ ...(await measure(1)), detail: `${PAIRS} rounds of ${ROUND_MS / 1000} s each, in turn` }));
  const many = await report.step(`${MANY} in flight`, async () => ({ ...(await measure(MANY)), detail: `${PAIRS} rounds of ${ROUND_MS / 1000} s each, in turn` }));

  const figures = controlFigures({
    one,
    many,
    messagesPerTask: first.messages,
    processes: {
      apiReadyMs: product.api.readyMs,
      workerReadyMs: product.worker.readyMs,
      apiIdleRssBytes: product.idleRss.api,
      workerIdleRssBytes: product.idleRss.worker,
      apiLoadedRssBytes: rssBytes(product.api.pid),
      workerLoadedRssBytes: rssBytes(product.worker.pid),
    },
  });
  for (const client of [productClient, floorClient]) client.close();
  for (const program of [product.api, product.worker, floor.server, floor.worker]) await program.stop();
  for (const line of controlReport({ one, many, figures })) report.line(line);
  return figures;
}

/**
 * @param {import('../../setup/setup-context.mjs').SetupContext} context
 * @param {import('../temporary-stage.mjs').Stage} stage
 * @param {readonly import('../floor/floor-settings.mjs').FloorEvent[]} events
 */
async function startFloor(context, { redisUrl, logs }, events) {
  const [port, workerPort] = [await freePort(), await freePort()];
  /** @param {'server' | 'worker'} name @param {number} ownPort */
  const start = (name, ownPort) =>
    startNodeProgram(context, {
      name: `floor-${name}`,
      args: [`tools/bench/floor/floor-${name}.mjs`],
      env: { ...plainEnvironment(context.env), NODE_ENV: 'production', FLOOR_REDIS_URL: redisUrl, FLOOR_PORT: String(ownPort), FLOOR_CONCURRENCY: String(CONCURRENCY), FLOOR_EVENTS: JSON.stringify(events) },
      readyUrl: `http://127.0.0.1:${ownPort}/`,
      logs,
    });
  return { url: `http://127.0.0.1:${port}`, server: await start('server', port), worker: await start('worker', workerPort) };
}

/**
 * @param {Record<'floor' | 'product', Side>} sides
 * @param {{ inFlight: number, messages: number, signal: AbortSignal }} load
 */
async function measurePairs(sides, load) {
  /** @type {Record<'floor' | 'product', Round[]>} */
  const rounds = { floor: [], product: [] };
  for (let pair = 0; pair < PAIRS; pair += 1) {
    // Who comes second finds the machine a little warmer; each is second in turn.
    const order = pair % 2 === 0 ? /** @type {const} */ (['floor', 'product']) : /** @type {const} */ (['product', 'floor']);
    for (const name of order) rounds[name].push(await measureRound(name, sides[name], load));
  }
  return rounds;
}

/**
 * @param {string} name
 * @param {Side} side
 * @param {{ inFlight: number, messages: number, signal: AbortSignal }} load
 * @returns {Promise<Round>}
 */
async function measureRound(name, { client, pids }, { inFlight, messages, signal }) {
  const usage = () => Object.entries(pids).map(([process, pid]) => /** @type {const} */ ([process, cpuSeconds(pid)]));
  const before = new Map(usage());
  const { tasks, perSecond } = await closedLoop(client, { inFlight, durationMs: ROUND_MS, signal });
  const cpuMsPerTask = Object.fromEntries(usage().map(([process, seconds]) => [process, ((seconds - (before.get(process) ?? NaN)) * 1000) / tasks.length]));
  const odd = tasks.find((task) => task.messages !== messages);
  // A comparison of different work would say nothing.
  if (odd) throw new Error(`the ${name} delivered ${odd.messages} messages for a task, not ${messages}`);
  return { tasks, perSecond, cpuMsPerTask };
}
