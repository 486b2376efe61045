// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findProgram, lastLines, lastLinesOf, runCommand } from './command.mjs';
import { DEFAULT_SOCKET, dockerApi, dockerTarget } from './docker-api.mjs';
import { planInstall } from './install.plan.mjs';
import { endProcess, findRecorded, forgetProcess, isAlive, recordProcess, sendSignal } from './process-record.mjs';
import { codeOf, Interrupted, messageOf, SetupError } from './setup-error.mjs';
import { installPackages, thisHost } from './system-package.mjs';

/** dockerd stops its own containers first, each with its own grace of 10 s. */
const STOP_GRACE_MS = 20_000;
const READY_WITHIN_MS = 30_000;
const LOOK_AGAIN_MS = 50;

/** The engines of CONTAINER_ENGINE; only `docker` needs something from the set-up. */
export const engines = /** @type {const} */ (['docker', 'process', 'kubernetes', 'null']);

export const NOT_ISOLATED = [
  'CONTAINER_ENGINE=process: NOTHING IS ISOLATED.',
  'Pipelines run as plain processes of this machine, with your rights and your network. For development only.',
].join('\n');

/**
 * @typedef {object} EngineResult
 * @property {typeof engines[number]} engine
 * @property {import('./docker-api.mjs').DockerApi} [docker]
 * @property {string} [dockerHost] for the apps, where it is not the default
 * @property {string} detail
 * @property {'ok' | 'warn'} mark
 */

/**
 * What to do about an engine that does not answer. Pure.
 * @param {{ given: boolean, explicit: boolean, isRoot: boolean, mayInstall: boolean, local: boolean, accessDenied: boolean, dockerd: string | undefined, systemd: boolean, install: import('./install.plan.mjs').InstallPlan }} facts
 *   `given`: DOCKER_HOST is set; `explicit`: CONTAINER_ENGINE=docker is set; `local`: this platform can run a daemon
 * @returns {{ kind: 'start', how: 'systemd' | 'spawn' } | { kind: 'install' } | { kind: 'fail' | 'process', why: string, mend: string }}
 */
export function planEngine({ given, explicit, isRoot, local, accessDenied, dockerd, systemd, install }) {
  /** @param {string} why @param {string} mend @returns {{ kind: 'fail' | 'process', why: string, mend: string }} */
  const without = (why, mend) => ({ kind: explicit ? 'fail' : 'process', why, mend });
  if (given) return { kind: 'fail', why: 'the engine that DOCKER_HOST names does not answer', mend: 'Start it or correct DOCKER_HOST; without DOCKER_HOST the local engine is used.' };
  if (accessDenied) return without('this user may not use the Docker socket', 'Run: sudo usermod -aG docker "$USER" (then log in again).');
  if (!local) return without('no Docker engine answers', 'Start Docker Desktop (or another Docker engine).');
  if (dockerd && isRoot) return { kind: 'start', how: systemd ? 'systemd' : 'spawn' };
  if (dockerd) return without('the Docker engine is not running, and only root can start it', systemd ? 'Run: sudo systemctl start docker' : 'Run: sudo dockerd');
  if (install.kind === 'install') return { kind: 'install' };
  return without(install.why, install.mend);
}

/**
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @returns {Promise<'answers' | 'denied' | 'silent'>}
 */
export async function engineState(docker) {
  try {
    await docker.ping();
    return 'answers';
  } catch (error) {
    return codeOf(error) === 'EACCES' ? 'denied' : 'silent';
  }
}

/**
 * Starts a daemon of our own.
 * @param {object} options
 * @param {string} options.dockerd the program
 * @param {string} options.socket
 * @param {readonly string[]} [options.extra] more options for the daemon
 * @param {Pick<import('./runner-paths.mjs').RunnerPaths, 'run' | 'logs'>} options.paths
 * @param {import('./stop-stack.mjs').StopStack} options.stops
 * @param {AbortSignal} options.signal
 * @param {NodeJS.ProcessEnv} options.env
 */
export async function spawnEngine({ dockerd, socket, extra = [], paths, stops, signal, env }) {
  const docker = dockerApi({ kind: 'socket', path: socket });
  const logFile = join(paths.logs, 'dockerd.log');
  const pidFile = join(paths.run, 'dockerd.pid');
  // Where the kernel gives us no firewall, containers still run without a network, and pipelines need none.
  const attempts = [[], ['--bridge=none', '--iptables=false', '--ip6tables=false']];
  for (const [index, options] of attempts.entries()) {
    const log = openSync(logFile, index === 0 ? 'w' : 'a');
    // Its own process group: Ctrl-C in the terminal must reach us first, so that what uses the engine stops before it.
    const child = spawn(dockerd, ['--host', `unix://${socket}`, '--pidfile', pidFile, ...extra, ...options], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...env, PATH: `${env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin` },
    });
    closeSync(log);
    const { pid } = child;
    let failure = '';
    child.once('error', (error) => (failure = error.message));
    child.once('exit', (code, name) => (failure ||= `dockerd ended with ${name ?? `code ${code}`}`));
    if (pid !== undefined) {
      recordProcess(paths.run, 'dockerd', { pid, marker: 'dockerd', note: socket });
      own(paths.run);
      const remove = stops.push(stopOfEngine(pid, docker, paths.run));
      child.unref();
      const deadline = performance.now() + READY_WITHIN_MS;
      while (!failure && performance.now() < deadline && !signal.aborted) {
        if ((await engineState(docker)) === 'answers') return { docker, pid };
        await pause(LOOK_AGAIN_MS);
      }
      if (signal.aborted) throw new Interrupted();
      failure ||= `it does not answer within ${READY_WITHIN_MS / 1000} s`;
      await endProcess(pid, STOP_GRACE_MS);
      forgetProcess(paths.run, 'dockerd');
      forgetProcess(paths.run, OWNER);
      remove();
    }
    if (index === attempts.length - 1) throw new SetupError(`The Docker engine did not come up: ${failure}.`, `See ${logFile}.`, { detail: lastLinesOf(logFile, 5) });
  }
  throw new Error('unreachable: the last attempt either returned or threw');
}

/** The record of the program that will stop the daemon which this checkout started. */
const OWNER = 'dockerd-owner';

/** @param {string} runFolder */
function own(runFolder) {
  recordProcess(runFolder, OWNER, { pid: process.pid, marker: '' });
}

/**
 * @param {number} pid
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @param {string} runFolder
 * @returns {import('./stop-stack.mjs').Stoppable}
 */
function stopOfEngine(pid, docker, runFolder) {
  return {
    name: 'Docker engine',
    async stop() {
      // Our own containers are gone by now: the worker was stopped before.
      const others = isAlive(pid) ? await docker.runningContainers().catch(() => []) : [];
      if (others.length > 0) return `The Docker engine (pid ${pid}) was left running: it still runs ${others.length} container(s), the first is ${others[0]?.Names[0] ?? others[0]?.Id}.`;
      const how = await endProcess(pid, STOP_GRACE_MS);
      forgetProcess(runFolder, 'dockerd');
      forgetProcess(runFolder, OWNER);
      return how === 'killed' ? `The Docker engine had to be killed after ${STOP_GRACE_MS / 1000} s.` : undefined;
    },
    force: () => sendSignal(pid, 'SIGTERM'),
  };
}

/**
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {import('./docker-api.mjs').DockerApi} docker
 */
async function startWithSystemd({ env, signal, stops }, docker) {
  const { code, output } = await runCommand('systemctl', ['start', 'docker'], { env, signal });
  if (code !== 0) throw new SetupError('`systemctl start docker` failed.', 'See: journalctl -u docker', { detail: lastLines(output, 5) });
  stops.push({
    name: 'Docker engine',
    async stop() {
      const others = await docker.runningContainers().catch(() => []);
      if (others.length > 0) return `The Docker service was left running: it still runs ${others.length} container(s).`;
      await runCommand('systemctl', ['stop', 'docker.socket', 'docker.service']);
      return undefined;
    },
  });
}

/** @param {string} engine @returns {engine is typeof engines[number]} */
const isEngine = (engine) => engines.some((known) => known === engine);

/**
 * Makes sure of a container engine.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {(text: string) => void} say
 * @returns {Promise<EngineResult>}
 */
export async function ensureContainerEngine(context, say) {
  const { env, paths, stops, signal, report } = context;
  const wanted = env.CONTAINER_ENGINE || 'docker';
  if (!isEngine(wanted)) throw new SetupError(`CONTAINER_ENGINE=${wanted} is not known.`, `Set it to one of ${engines.join(', ')}, or leave it out.`);
  if (wanted === 'process') {
    report.loud(NOT_ISOLATED);
    return { engine: wanted, detail: 'plain processes, nothing is isolated (CONTAINER_ENGINE=process)', mark: 'warn' };
  }
  if (wanted !== 'docker') return { engine: wanted, detail: `CONTAINER_ENGINE=${wanted}: nothing to set up here`, mark: 'ok' };

  const { target, dockerHost, given } = dockerTarget(env);
  const docker = dockerApi(target);
  const explicit = Boolean(env.CONTAINER_ENGINE);
  let state = await engineState(docker);
  let how = '';
  for (let installed = false; state !== 'answers'; ) {
    const host = thisHost(env);
    const dockerd = findProgram('dockerd', env);
    const systemd = existsSync('/run/systemd/system');
    const install = planInstall('dockerd', host);
    const plan = planEngine({ given, explicit, ...host, local: process.platform === 'linux', accessDenied: state === 'denied', dockerd, systemd, install });
    try {
      if (plan.kind === 'install' && install.kind === 'install') {
        if (installed) throw new SetupError(`${install.packages.join(' ')} is installed but brought no dockerd.`, 'Put dockerd on the PATH.');
        await installPackages(install, { env, logs: paths.logs, signal, stops, say });
        installed = true;
      } else if (plan.kind === 'start' && plan.how === 'systemd') {
        say('starting the Docker service');
        await startWithSystemd(context, docker);
        how = ', started for this run';
      } else if (plan.kind === 'start' && dockerd) {
        say('starting the Docker engine');
        await spawnEngine({ dockerd, socket: DEFAULT_SOCKET, paths, stops, signal, env });
        how = ', started for this run';
      } else if (plan.kind === 'fail' || plan.kind === 'process') {
        throw new SetupError(`No container engine: ${plan.why}.`, plan.mend);
      }
    } catch (error) {
      // A broken engine must not keep someone from trying the product, but only where Docker was our choice, not theirs.
      if (given || explicit || !(error instanceof SetupError)) throw error;
      report.loud(`${error.message}\n${error.detail ? `${error.detail}\n` : ''}${NOT_ISOLATED}\nTo isolate them: ${error.mend}`);
      return { engine: 'process', detail: 'plain processes, nothing is isolated', mark: 'warn' };
    }
    if (installed && !how) continue;
    state = await engineState(docker);
    if (state !== 'answers') throw new SetupError(`The Docker engine at ${dockerHost} does not answer.`, 'Start it by hand and look at its log.');
  }

  // A daemon that an earlier, killed set-up of this checkout started is ours to stop; not that of one which still runs,
  // such as the tests beside which the images are built.
  const record = how || findRecorded(paths.run, OWNER) ? undefined : findRecorded(paths.run, 'dockerd');
  if (record && record.note === DEFAULT_SOCKET && !given) {
    own(paths.run);
    stops.push(stopOfEngine(record.pid, docker, paths.run));
    how = ', left by an earlier run, ends with this one';
  }
  const info = await docker.info().catch((error) => {
    throw new SetupError(`The Docker engine at ${dockerHost} answers but can't be used: ${messageOf(error)}.`, 'Look at its log.', { cause: error });
  });
  return {
    engine: 'docker',
    docker,
    ...(dockerHost === `unix://${DEFAULT_SOCKET}` ? {} : { dockerHost }),
    detail: `Docker ${info.ServerVersion}${given || dockerHost !== `unix://${DEFAULT_SOCKET}` ? ` at ${dockerHost}` : ''}${how}`,
    mark: 'ok',
  };
}
