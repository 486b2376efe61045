// @ts-check
// The order of the steps. What can fail for want of something on the machine comes before what takes long.
import { appEnvironment, endAppsLeftBehind, startApp, waitUntilReady } from './apps.step.mjs';
import { ensureBaseImage } from './base-image.step.mjs';
import { buildApps, buildPipelines } from './build.step.mjs';
import { ensureContainerEngine } from './container-engine.step.mjs';
import { checkNode, ensureDependencies } from './dependencies.step.mjs';
import { choosePort, freePort, tryPort } from './free-port.mjs';
import { keepRunning } from './keep-running.mjs';
import { ensureModelStore } from './model-store.step.mjs';
import { ensurePipelineImages, pipelineSources } from './pipeline-images.step.mjs';
import { ensureRedis } from './redis-server.step.mjs';
import { storageRoots } from './runner-paths.mjs';
import { SetupError } from './setup-error.mjs';

/** @typedef {import('./setup-context.mjs').SetupContext} SetupContext */

/** @param {SetupContext} context */
export const setUpNode = ({ report }) => report.step('Node', () => checkNode());

/** @param {SetupContext} context */
export const setUpDependencies = (context) => context.report.step('Dependencies', (say) => ensureDependencies(context, say));

/**
 * @typedef {{ reference: string, id: string }} ImageReference
 * @typedef {{ base?: ImageReference, pipelineTags: Record<string, string[]> }} Images
 */

/**
 * Pipelines, their base and their images. Without Docker only the pipelines themselves are built.
 * @param {SetupContext} context
 * @param {import('./container-engine.step.mjs').EngineResult} engine
 * @returns {Promise<Images>}
 */
export async function setUpImages(context, { docker }) {
  const { report, paths } = context;
  const sources = await pipelineSources(paths.root);
  await report.step('Pipelines', (say) => buildPipelines(context, sources, say));
  const pipelineTags = Object.fromEntries(sources.map(({ name, tags }) => [name, tags]));
  if (!docker) return { pipelineTags };
  const base = await report.step('Base image', (say) => ensureBaseImage(context, docker, sources.map(({ imageFolder }) => imageFolder), say));
  await report.step('Pipeline images', (say) => ensurePipelineImages(context, docker, sources, base, say));
  return { base, pipelineTags };
}

/** @param {Readonly<Record<string, string | undefined>>} env */
async function choosePorts(env) {
  const isFree = async (/** @type {number} */ port) => (await tryPort(port)) !== undefined;
  const api = await choosePort({ name: 'PORT', wanted: env.PORT, fallback: 3000, isFree, anyFree: freePort });
  const worker = await choosePort({ name: 'WORKER_PORT', wanted: env.WORKER_PORT, fallback: 3001, isFree: async (port) => port !== api.port && (await isFree(port)), anyFree: freePort });
  const notes = [api.note && `api: ${api.note}`, worker.note && `worker: ${worker.note}`].filter(Boolean).join('; ');
  return { port: api.port, workerPort: worker.port, detail: `api ${api.port}, worker ${worker.port}${notes ? ` (${notes})` : ''}`, mark: notes ? /** @type {const} */ ('warn') : /** @type {const} */ ('ok') };
}

/**
 * Everything up to two apps that can be started.
 * @param {SetupContext} context
 * @param {{ nodeEnv: string }} options
 */
export async function setUpRunner(context, { nodeEnv }) {
  const { report, env, paths } = context;
  await setUpNode(context);
  const left = await endAppsLeftBehind(context);
  if (left.length > 0) report.line(`  (ended what an earlier run left behind: ${left.join(', ')})`);
  const ports = await report.step('Ports', () => choosePorts(env));
  const redis = await report.step('Redis', (say) => ensureRedis(context, say));
  const engine = await report.step('Container engine', (say) => ensureContainerEngine(context, say));
  await setUpDependencies(context);
  await report.step('Build', (say) => buildApps(context, say));
  await setUpImages(context, engine);
  const roots = storageRoots(paths, env);
  await report.step('Model store', (say) => ensureModelStore(context, roots, say));
  const appEnv = appEnvironment(env, { ...roots, redisUrl: redis.url, port: ports.port, workerPort: ports.workerPort, engine: engine.engine, dockerHost: engine.dockerHost, nodeEnv });
  return { redis, engine, ...roots, ...ports, appEnv };
}

/** @typedef {Awaited<ReturnType<typeof setUpRunner>>} Runner */

/**
 * Starts both apps and waits until they are ready.
 * @param {SetupContext} context
 * @param {Runner} runner
 * @param {{ watch?: boolean, keep?: boolean }} [options] `keep`: an app that ends by itself is started again
 * @returns {Promise<{ broken: Promise<never> }>} `broken` rejects when something that must run ends by itself, and is not to be started again
 */
export async function startApps(context, { redis, port, workerPort, appEnv }, { watch, keep = false } = {}) {
  const { report, signal, stops } = context;
  const starts = [{ name: /** @type {const} */ ('api'), port, env: appEnv, watch }, { name: /** @type {const} */ ('worker'), port: workerPort, env: appEnv, watch }];
  const apps = starts.map((start) => ({ start, app: startApp(context, start) }));
  for (const { app } of apps) {
    await report.step(app.name, async () => {
      await waitUntilReady(app, signal);
      return { detail: `http://127.0.0.1:${app.port}, ready` };
    });
  }
  /** @type {Promise<never>} */
  const broken = new Promise((_resolve, reject) => {
    /** @param {SetupError} failure */
    const fail = (failure) => {
      if (!stops.stopping && !signal.aborted) reject(failure);
    };
    /** @param {string} what @param {string} how @param {string} see */
    const ended = (what, how, see) => fail(new SetupError(`${what} ended by itself with ${how}.`, `Its whole log: ${see}`));
    for (const { start, app } of apps) {
      if (!keep) void app.ended.then((how) => ended(`The ${app.name}`, how, app.logFile));
      else keepRunning(app, { start: () => startApp(context, { ...start, again: true }), ready: (again) => waitUntilReady(again, signal), say: report.line, isStopping: () => stops.stopping || signal.aborted }).catch(fail);
    }
    void redis.ended?.then((how) => ended('The private Redis', how, `${context.paths.logs}/redis.log`));
  });
  // Whoever awaits it gets the failure; before that it must not count as unhandled.
  broken.catch(() => undefined);
  return { broken };
}
