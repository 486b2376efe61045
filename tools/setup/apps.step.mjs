// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lastLinesOf } from './command.mjs';
import { endProcess, endRecorded, forgetProcess, recordProcess, sendSignal } from './process-record.mjs';
import { Interrupted, SetupError } from './setup-error.mjs';

/**
 * @typedef {'api' | 'worker'} AppName
 * @typedef {{ name: AppName, port: number, pid: number, ended: Promise<string>, logFile: string, forget: () => void }} RunningApp
 *   `forget`: to be called where it has ended by itself, so that nobody stops whatever has its process id by then
 */

const READY_WITHIN_MS = 60_000;
const LOOK_AGAIN_MS = 50;
/** A draining worker finishes its tasks within DRAIN_TIMEOUT; it gets a little more than that before it is killed. */
const STOP_MARGIN_MS = 10_000;
const DEFAULT_DRAIN_MS = 30_000;

/** @type {Record<string, number>} */
const UNIT_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * How long an app may take to stop. What DRAIN_TIMEOUT may hold is the apps' matter: they refuse what they can't read.
 * @param {string | undefined} drainTimeout
 */
export function stopGrace(drainTimeout) {
  const [, number, unit = ''] = /^(\d+)(ms|s|m|h|d)$/.exec(drainTimeout ?? '') ?? [];
  return (number === undefined ? DEFAULT_DRAIN_MS : Number(number) * (UNIT_MS[unit] ?? 1)) + STOP_MARGIN_MS;
}

/**
 * The environment of both apps: the caller's, with what the set-up found out.
 * @param {NodeJS.ProcessEnv} env
 * @param {{ redisUrl: string, workspaceRoot: string, modelsRoot: string, port: number, workerPort: number, engine: string, dockerHost?: string, nodeEnv: string }} found
 * @returns {NodeJS.ProcessEnv}
 */
export function appEnvironment(env, { redisUrl, workspaceRoot, modelsRoot, port, workerPort, engine, dockerHost, nodeEnv }) {
  return {
    ...env,
    NODE_ENV: env.NODE_ENV || nodeEnv,
    REDIS_URL: redisUrl,
    WORKSPACE_ROOT: workspaceRoot,
    MODELS_ROOT: modelsRoot,
    PORT: String(port),
    WORKER_PORT: String(workerPort),
    CONTAINER_ENGINE: engine,
    ...(dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }),
  };
}

/**
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {{ name: AppName, port: number, env: NodeJS.ProcessEnv, watch?: boolean, again?: boolean }} app `watch`: restart at each change
 *   of the compiled code, and write to the terminal; `again`: the log of the one before stays
 * @returns {RunningApp}
 */
export function startApp({ paths, stops }, { name, port, env, watch = false, again = false }) {
  const logFile = join(paths.logs, `${name}.log`);
  const log = watch ? undefined : openSync(logFile, again ? 'a' : 'w');
  const args = [...(watch ? ['--watch', '--watch-preserve-output'] : []), '--enable-source-maps', '--max-semi-space-size=8', join('apps', name, 'dist', 'main.js')];
  // Its own process group: Ctrl-C in the terminal must reach us first, so that apps stop before the Redis they use.
  const child = spawn(process.execPath, args, { cwd: paths.root, env, detached: true, stdio: ['ignore', log ?? 'inherit', log ?? 'inherit'] });
  if (log !== undefined) closeSync(log);
  const { pid } = child;
  if (pid === undefined) throw new SetupError(`The ${name} could not be started.`, `Check that ${process.execPath} can be run.`);
  const grace = stopGrace(env.DRAIN_TIMEOUT);
  const takeOff = stops.push({
    name,
    async stop() {
      const how = await endProcess(pid, grace);
      forgetProcess(paths.run, name);
      return how === 'killed' ? `The ${name} had to be killed: it did not stop within ${grace / 1000} s.` : undefined;
    },
    force: () => sendSignal(pid, 'SIGKILL'),
  });
  recordProcess(paths.run, name, { pid, marker: `apps/${name}/dist/main.js` });
  /** @type {Promise<string>} */
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`)));
  const forget = () => {
    takeOff();
    forgetProcess(paths.run, name);
  };
  return { name, port, pid, ended, logFile, forget };
}

/**
 * Ends apps that a killed set-up left behind: they would go on taking tasks.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @returns {Promise<AppName[]>}
 */
export async function endAppsLeftBehind({ paths, env }) {
  /** @type {AppName[]} */
  const ended = [];
  for (const name of /** @type {const} */ (['worker', 'api'])) {
    if ((await endRecorded(paths.run, name, stopGrace(env.DRAIN_TIMEOUT))) !== undefined) ended.push(name);
  }
  return ended;
}

/**
 * @param {string} url
 * @returns {Promise<{ status: number, body: string }>} status 0: nobody answers
 */
export function ask(url) {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 5000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', () => resolve({ status: 0, body: '' }));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve({ status: 0, body: '' }));
  });
}

/**
 * Waits until the app says that it is ready.
 * @param {RunningApp} app
 * @param {AbortSignal} signal
 */
export async function waitUntilReady({ name, port, ended, logFile }, signal, withinMs = READY_WITHIN_MS) {
  const url = `http://127.0.0.1:${port}/health/ready`;
  /** @type {string | undefined} */
  let end;
  void ended.then((how) => (end = how));
  const deadline = performance.now() + withinMs;
  let last = { status: 0, body: '' };
  while (performance.now() < deadline) {
    if (signal.aborted) throw new Interrupted();
    last = await ask(url);
    if (last.status === 200) return;
    if (end !== undefined) throw new SetupError(`The ${name} ended with ${end} before it was ready.`, `Its whole log: ${logFile}`, { detail: lastLinesOf(logFile) });
    await pause(LOOK_AGAIN_MS);
  }
  throw new SetupError(`The ${name} was not ready within ${withinMs / 1000} s (${url} answers ${last.status || 'nothing'}).`, `Its whole log: ${logFile}`, { detail: [last.body.slice(0, 2000), lastLinesOf(logFile)].filter(Boolean).join('\n') });
}
