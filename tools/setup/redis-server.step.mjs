// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findProgram, lastLinesOf } from './command.mjs';
import { freePort } from './free-port.mjs';
import { planInstall } from './install.plan.mjs';
import { endProcess, endRecorded, forgetProcess, recordProcess, sendSignal } from './process-record.mjs';
import { findPrimary } from './redis-primary.mjs';
import { askRedis, parseRedisUrl } from './resp-client.mjs';
import { Interrupted, messageOf, SetupError } from './setup-error.mjs';
import { installPackages, thisHost } from './system-package.mjs';

/** Redis writes its append-only file out on SIGTERM; a loaded disk may need a while. */
const STOP_GRACE_MS = 15_000;
/** Loading a large append-only file comes before the first PONG. */
const READY_WITHIN_MS = 60_000;
const LOOK_AGAIN_MS = 20;
/** BullMQ 6 asks for at least this. */
const OLDEST = [6, 2];

/**
 * @param {{ port: number, folder: string }} server
 * @returns {string[]}
 */
export const redisArguments = ({ port, folder }) => [
  '--port', String(port),
  '--bind', '127.0.0.1',
  '--dir', folder,
  '--appendonly', 'yes',
  '--appendfsync', 'everysec',
  // The append-only file is the record; a snapshot beside it would only cost memory at the fork.
  '--save', '',
  '--maxmemory-policy', 'noeviction',
  '--daemonize', 'no',
];

/**
 * What a server that was given to us must offer; the apps insist on the same.
 * @param {string} info the answer to INFO
 * @param {{ save?: string | undefined, allowNoPersistence?: boolean }} [more] `save`: its save points, undefined where nobody may ask
 * @returns {{ version: string, policy: string, aof: boolean, problem?: { message: string, mend: string } }}
 */
export function judgeRedis(info, { save, allowNoPersistence = false } = {}) {
  const value = (/** @type {string} */ key) => new RegExp(`^${key}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
  const version = value('redis_version');
  const policy = value('maxmemory_policy');
  const aof = value('aof_enabled') === '1';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    return { version, policy, aof, problem: { message: `The Redis at REDIS_URL is version ${version || 'unknown'}; ${OLDEST.join('.')} or newer is needed.`, mend: 'Upgrade it, or leave REDIS_URL out and a private server is started.' } };
  }
  if (policy && policy !== 'noeviction') {
    return { version, policy, aof, problem: { message: `The Redis at REDIS_URL may throw queued tasks away (maxmemory-policy ${policy}).`, mend: 'Run: redis-cli CONFIG SET maxmemory-policy noeviction (and put it in its configuration).' } };
  }
  // Where the save points cannot be asked for, a snapshot since the start shows that some are taken.
  const snapshots = save === undefined ? Number(value('rdb_last_bgsave_time_sec') || -1) >= 0 : save !== '';
  if (!aof && !snapshots && !allowNoPersistence) {
    return { version, policy, aof, problem: { message: 'The Redis at REDIS_URL keeps nothing over a restart (neither AOF nor snapshots); no task would be accepted.', mend: 'Run: redis-cli CONFIG SET appendonly yes (and put it in its configuration), or set REDIS_ALLOW_NO_PERSISTENCE=true if that is wanted.' } };
  }
  return { version, policy, aof };
}

/**
 * Asks the Redis of REDIS_URL, or the primary one that its Sentinels name, how it is.
 * @param {NodeJS.ProcessEnv} env
 * @param {string} url
 */
export async function examineRedis(env, url) {
  const primary = await findPrimary(url);
  const [info] = await askRedis(primary, [['INFO']]);
  // Hosted services forbid CONFIG.
  const [save] = await askRedis(primary, [['CONFIG', 'GET', 'save']]).catch(() => []);
  return judgeRedis(String(info), { save: Array.isArray(save) ? String(save[1] ?? '') : undefined, allowNoPersistence: env.REDIS_ALLOW_NO_PERSISTENCE === 'true' });
}

/** A URL as it may be printed; one of Sentinels names several hosts, which URL cannot read. @param {string} url */
export function withoutPassword(url) {
  return url.replace(/^([a-z+]+:\/\/[^:@/]*):.*@/, '$1:***@');
}

/**
 * The `redis-server` program; installed when missing and allowed.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {(text: string) => void} say
 */
export async function ensureRedisProgram(context, say) {
  const { env, paths, signal, stops } = context;
  const present = findProgram('redis-server', env);
  if (present) return present;
  const plan = planInstall('redis-server', thisHost(env));
  if (plan.kind === 'tell') throw new SetupError(`No Redis: ${plan.why}.`, `${plan.mend}  (or set REDIS_URL to a server that runs already)`);
  await installPackages(plan, { env, logs: paths.logs, signal, stops, say });
  const installed = findProgram('redis-server', env);
  if (!installed) throw new SetupError(`${plan.packages.join(' ')} is installed but brought no redis-server.`, 'Put redis-server on the PATH, or set REDIS_URL to a server that runs already.');
  return installed;
}

/** @param {NodeJS.ProcessEnv} env @param {string} url */
async function useGiven(env, url) {
  if (!url.startsWith('redis+sentinel://')) parseRedisUrl(url);
  let found;
  try {
    found = await examineRedis(env, url);
  } catch (error) {
    if (error instanceof SetupError) throw error;
    throw new SetupError(`The Redis at ${withoutPassword(url)} (REDIS_URL) does not answer: ${messageOf(error)}.`, 'Start it or correct REDIS_URL; without REDIS_URL a private server is started.', { cause: error });
  }
  const { version, aof, problem } = found;
  if (problem) throw new SetupError(problem.message, problem.mend);
  return {
    url,
    detail: `${version} at ${withoutPassword(url)}${aof ? '' : ', no AOF: a restart of it loses tasks'}`,
    mark: aof ? /** @type {const} */ ('ok') : /** @type {const} */ ('warn'),
  };
}

/**
 * Starts a server that belongs to this checkout alone.
 * @param {{ program: string, folder: string, paths: Pick<import('./runner-paths.mjs').RunnerPaths, 'run' | 'logs'>, stops: import('./stop-stack.mjs').StopStack, signal: AbortSignal, port?: number }} options
 *   `port`: of a server that comes back; else a free one
 * @returns {Promise<{ url: string, port: number, pid: number, ended: Promise<string> }>}
 */
export async function startPrivateRedis({ program, folder, paths, stops, signal, port: wanted }) {
  mkdirSync(folder, { recursive: true });
  const logFile = join(paths.logs, 'redis.log');
  // Between choosing a free port and listening on it another program may take it; then the next one is tried.
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted ?? (await freePort());
    const log = openSync(logFile, 'w');
    const child = spawn(program, redisArguments({ port, folder }), { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    const { pid } = child;
    /** @type {Promise<string>} */
    const ended = new Promise((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, name) => resolve(`it ended with ${name ?? `code ${code}`}`));
    });
    if (pid === undefined) throw new SetupError(`${program} could not be started: ${await ended}.`, 'Check that it is executable, or set REDIS_URL to a server that runs already.');
    const remove = stops.push({
      name: 'Redis',
      async stop() {
        const how = await endProcess(pid, STOP_GRACE_MS);
        forgetProcess(paths.run, 'redis');
        return how === 'killed' ? `Redis had to be killed after ${STOP_GRACE_MS / 1000} s` : undefined;
      },
      force: () => sendSignal(pid, 'SIGKILL'),
    });
    recordProcess(paths.run, 'redis', { pid, marker: 'redis-server', note: `redis://127.0.0.1:${port}` });
    child.unref();

    const url = `redis://127.0.0.1:${port}`;
    const failure = await readyOrEnded(url, ended, signal);
    if (failure === undefined) return { url, port, pid, ended };
    if (signal.aborted) throw new Interrupted();
    await endProcess(pid, STOP_GRACE_MS);
    forgetProcess(paths.run, 'redis');
    remove();
    const lines = lastLinesOf(logFile);
    if (attempt < 3 && /Address already in use/.test(lines)) continue;
    throw new SetupError(`The private Redis did not come up: ${failure}.`, `See ${logFile}. If its data are damaged, repair ${folder} with redis-check-aof or move it away.`, { detail: lines });
  }
}

/**
 * @param {string} url
 * @param {Promise<string>} ended
 * @param {AbortSignal} signal
 * @returns {Promise<string | undefined>} undefined: it answers; else what is wrong
 */
async function readyOrEnded(url, ended, signal) {
  /** @type {string | undefined} */
  let end;
  void ended.then((how) => (end = how));
  const deadline = performance.now() + READY_WITHIN_MS;
  let last = '';
  while (performance.now() < deadline && !signal.aborted) {
    try {
      const [pong] = await askRedis(url, [['PING']], 1000);
      if (pong === 'PONG') return undefined;
    } catch (error) {
      last = messageOf(error);
    }
    if (end !== undefined) return end;
    await pause(LOOK_AGAIN_MS);
  }
  return `it does not answer (${last})`;
}

/**
 * @typedef {{ url: string, detail: string, mark: 'ok' | 'warn', ended?: Promise<string> }} RedisResult
 *   `ended`: resolves when the private server ends, with how
 */

/**
 * Makes sure of a Redis: the one that REDIS_URL names, or a private one.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {(text: string) => void} say
 * @returns {Promise<RedisResult>}
 */
export async function ensureRedis(context, say) {
  const { env, paths, stops, signal } = context;
  if (env.REDIS_URL) return useGiven(env, env.REDIS_URL);
  const program = await ensureRedisProgram(context, say);
  const left = await endRecorded(paths.run, 'redis', STOP_GRACE_MS);
  const { url, port, ended } = await startPrivateRedis({ program, folder: paths.redis, paths, stops, signal });
  return {
    url,
    ended,
    detail: `private server on 127.0.0.1:${port}, AOF, noeviction${left ? ` (ended one left behind, pid ${left})` : ''}`,
    mark: /** @type {const} */ ('ok'),
  };
}
