// @ts-check
// Starts the product as an operator would: `npm run api` and `npm run worker`, on environment alone.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../setup/free-port.mjs';
import { repositoryRoot } from '../setup/runner-paths.mjs';
import { SetupError } from '../setup/setup-error.mjs';
import { startNodeProgram } from './node-program.mjs';
import { rssBytes } from './process-usage.mjs';

/** The tier that everything runs in. */
export const TIER = 'standard';
export const PROJECT_ID = 'bench';

/** After the start some memory is still given back; what stays is what an idle process holds. */
const SETTLE_MS = 1_000;

/**
 * The arguments of node in a script of package.json.
 * @param {string} script like "node --flag apps/api/dist/main.js"
 */
export function nodeArguments(script) {
  const [program, ...args] = script.trim().split(/\s+/);
  if (program !== 'node' || args.length === 0) throw new SetupError(`The script "${script}" does not start node.`, 'The bench starts the apps by the scripts `api` and `worker` of package.json; keep them plain.');
  return args;
}

/** @param {'api' | 'worker'} name */
function appArguments(name) {
  const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  return nodeArguments(String(scripts[name]));
}

/**
 * Only what a process needs to run at all: no setting of the caller's may colour the figures.
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {NodeJS.ProcessEnv}
 */
export function plainEnvironment(env) {
  const kept = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'TZ'];
  return Object.fromEntries(Object.entries(env).filter(([name]) => kept.includes(name)));
}

/**
 * One api or worker, on a port of its own, with the settings that all apps of a stage share.
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {import('./temporary-stage.mjs').Stage} stage
 * @param {{ app: 'api' | 'worker', name?: string, settings: Record<string, string> }} options `name`: of its log, where there are several
 * @returns {Promise<import('./node-program.mjs').NodeProgram & { url: string }>}
 */
export async function startApp(context, stage, { app, name = app, settings }) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const workspaceRoot = join(stage.folder, 'workspace');
  mkdirSync(workspaceRoot, { recursive: true });
  const env = {
    ...plainEnvironment(context.env),
    NODE_ENV: 'production',
    REDIS_URL: stage.redisUrl,
    [app === 'api' ? 'PORT' : 'WORKER_PORT']: String(port),
    WORKSPACE_ROOT: workspaceRoot,
    MODELS_ROOT: join(workspaceRoot, 'Library', 'AI_Models'),
    GPU_INVENTORY: 'none',
    // What still runs when the bench ends early is of no use to anybody.
    DRAIN_TIMEOUT: '500ms',
    ...settings,
  };
  const program = await startNodeProgram(context, { name, args: appArguments(app), env, readyUrl: `${url}/health/ready`, logs: stage.logs });
  return { ...program, url };
}

/**
 * @typedef {object} Product
 * @property {string} apiUrl
 * @property {import('./node-program.mjs').NodeProgram} api
 * @property {import('./node-program.mjs').NodeProgram} worker
 * @property {{ api: number, worker: number }} idleRss bytes, before the first task
 */

/**
 * Starts api and worker one after the other, so that each one's start is its own, and creates the project.
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {import('./temporary-stage.mjs').Stage} stage
 * @param {Record<string, string>} settings added to the environment of both
 * @returns {Promise<Product>}
 */
export async function startProduct(context, stage, settings) {
  const api = await startApp(context, stage, { app: 'api', settings });
  const worker = await startApp(context, stage, { app: 'worker', settings });
  await pause(SETTLE_MS, undefined, { signal: context.signal });
  const idleRss = { api: rssBytes(api.pid), worker: rssBytes(worker.pid) };
  await createProject(api.url);
  return { apiUrl: api.url, api, worker, idleRss };
}

/** @param {string} apiUrl */
export async function createProject(apiUrl) {
  const response = await fetch(`${apiUrl}/v1/projects/${PROJECT_ID}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: PROJECT_ID, quality: TIER }),
  });
  if (!response.ok) throw new Error(`PUT /v1/projects/${PROJECT_ID} answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
}
