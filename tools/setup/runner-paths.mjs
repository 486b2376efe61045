// @ts-check
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout. */
export const repositoryRoot = resolve(fileURLToPath(new URL('../..', import.meta.url)));

/**
 * Where the set-up keeps its own things. `FUNCTION_RUNNER_STATE_DIR` moves them, which lets two runners of one checkout
 * live side by side.
 * @typedef {{ root: string, state: string, redis: string, logs: string, tmp: string, run: string }} RunnerPaths
 */

/**
 * @param {string} root
 * @param {Readonly<Record<string, string | undefined>>} [env]
 * @returns {RunnerPaths}
 */
export function runnerPaths(root, env = {}) {
  const state = resolve(root, env.FUNCTION_RUNNER_STATE_DIR || '.runner');
  return {
    root,
    state,
    redis: join(state, 'redis'),
    logs: join(state, 'logs'),
    tmp: join(state, 'tmp'),
    run: join(state, 'run'),
  };
}

/** @param {RunnerPaths} paths */
export function makeRunnerFolders(paths) {
  for (const folder of [paths.redis, paths.logs, paths.tmp, paths.run]) mkdirSync(folder, { recursive: true });
}

/**
 * @param {RunnerPaths} paths
 * @param {Readonly<Record<string, string | undefined>>} env
 * @returns {{ workspaceRoot: string, modelsRoot: string }}
 */
export function storageRoots(paths, env) {
  const workspaceRoot = resolve(paths.root, env.WORKSPACE_ROOT || 'workspace');
  return { workspaceRoot, modelsRoot: resolve(paths.root, env.MODELS_ROOT || join(workspaceRoot, 'Library', 'AI_Models')) };
}
