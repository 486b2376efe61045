// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCommand } from './command.mjs';
import { SetupError } from './setup-error.mjs';

/** The oldest node that everything here was tried with. */
export const OLDEST_NODE = [20, 19];
const STAMP = 'node_modules/.function-runner-lock-hash';

/** @param {string} version like "20.20.2" */
export function nodeIsNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/** @returns {{ detail: string }} */
export function checkNode(version = process.versions.node, platform = process.platform) {
  if (!nodeIsNewEnough(version)) throw new SetupError(`Node ${version} is too old; ${OLDEST_NODE.join('.')} or newer is needed.`, 'Install Node 22 or 24 (https://nodejs.org), then start again.');
  if (platform === 'win32') throw new SetupError('Windows itself is not supported: containers and Redis need Linux.', 'Start it inside WSL 2.');
  return { detail: version };
}

/**
 * @typedef {{ version?: string, integrity?: string, resolved?: string, link?: boolean, optional?: boolean, peer?: boolean, dev?: boolean }} LockedPackage
 * @typedef {{ packages?: Record<string, LockedPackage> }} Lock
 */

/**
 * Whether what npm installed (its hidden lock in node_modules) is what the lock asks for. Optional packages may be missing:
 * most are for other platforms.
 * @param {Lock} lock
 * @param {Lock} installed
 */
export function installedMatchesLock(lock, installed) {
  const wanted = Object.entries(lock.packages ?? {}).filter(([path]) => path.includes('node_modules/'));
  const present = installed.packages ?? {};
  const known = new Set(wanted.map(([path]) => path));
  return (
    wanted.length > 0 &&
    wanted.every(([path, { version, link, optional }]) => {
      const found = present[path];
      return found ? Boolean(link) === Boolean(found.link) && found.version === version : Boolean(optional);
    }) &&
    Object.keys(present).every((path) => known.has(path) || !path.includes('node_modules/'))
  );
}

/** Native packages differ by node's ABI and platform, so a stamp is good for one of each. @param {string} lockText */
export const lockHash = (lockText) => createHash('sha256').update(`${process.platform} ${process.arch} ${process.versions.modules}\n${lockText}`).digest('hex');

/**
 * @param {string} root
 * @returns {'current' | 'unstamped' | 'outdated' | 'missing' | 'no-lock'}
 */
export function dependencyState(root) {
  const lockFile = join(root, 'package-lock.json');
  if (!existsSync(lockFile)) return 'no-lock';
  const hidden = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(hidden)) return 'missing';
  const lockText = readFileSync(lockFile, 'utf8');
  const stamp = join(root, STAMP);
  if (existsSync(stamp)) return readFileSync(stamp, 'utf8') === lockHash(lockText) ? 'current' : installed(lockText, hidden);
  return installed(lockText, hidden);
}

/** @param {string} lockText @param {string} hidden @returns {'unstamped' | 'outdated'} */
function installed(lockText, hidden) {
  return installedMatchesLock(JSON.parse(lockText), JSON.parse(readFileSync(hidden, 'utf8'))) ? 'unstamped' : 'outdated';
}

/** npm itself, without a shell: the one that runs us, else the one on the PATH. @param {NodeJS.ProcessEnv} env */
export function npmCommand(env) {
  const script = env.npm_execpath;
  return script && /npm-cli\.[cm]?js$/.test(script) ? { program: process.execPath, first: [script] } : { program: 'npm', first: [] };
}

/** npm tells the reason first, and its own help after it. @param {string} output */
export const npmErrors = (output) => output.split('\n').filter((line) => /^npm (error|ERR!)/.test(line)).slice(0, 8).join('\n') || output.slice(-1000);

/** @param {string} output */
export function npmMend(output) {
  if (/can only install (packages )?when|in sync/.test(output)) return 'package.json and package-lock.json disagree; run: npm run lock';
  if (/ENOSPC/.test(output)) return 'Free some disk space, then start again.';
  return 'Check the network and the registry (npm config get registry), then start again.';
}

/**
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {(text: string) => void} say
 */
export async function ensureDependencies({ env, paths, signal }, say) {
  const { root } = paths;
  const state = dependencyState(root);
  const stamp = () => writeFileSync(join(root, STAMP), lockHash(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  if (state === 'current') return { detail: 'up to date' };
  if (state === 'unstamped') {
    stamp();
    return { detail: 'up to date' };
  }
  if (state === 'no-lock') throw new SetupError('package-lock.json is missing.', 'Bring it back: git checkout package-lock.json');
  say('npm ci (half a minute or more)');
  const { program, first } = npmCommand(env);
  // A production NODE_ENV would leave out the compiler.
  const { code, output } = await runCommand(program, [...first, 'ci', '--include=dev', '--no-audit', '--no-fund'], { cwd: root, env, logFile: join(paths.logs, 'npm-ci.log'), signal });
  if (code !== 0) throw new SetupError(`\`npm ci\` ended with code ${code}.`, npmMend(output), { detail: npmErrors(output) });
  stamp();
  return { detail: state === 'missing' ? 'npm ci' : 'npm ci (the lock has changed)' };
}
