// @ts-check
// A folder of its own for one bench, with a Redis of its own: nothing is shared with a runner of this checkout.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrivateRedis } from '../setup/redis-server.step.mjs';
import { makeRunnerFolders, runnerPaths } from '../setup/runner-paths.mjs';

/**
 * @typedef {object} Stage
 * @property {string} folder removed at the end
 * @property {string} logs
 * @property {string} redisUrl
 * @property {number} redisPid
 */

/**
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {{ name: string, redisProgram: string }} options
 * @returns {Promise<Stage>}
 */
export async function openStage({ stops, signal }, { name, redisProgram }) {
  const folder = mkdtempSync(join(tmpdir(), `function-runner-bench-${name}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  stops.push({ name: 'temporary folder', stop: remove, force: remove });
  const paths = runnerPaths(folder);
  makeRunnerFolders(paths);
  const redis = await startPrivateRedis({ program: redisProgram, folder: paths.redis, paths, stops, signal });
  return { folder, logs: paths.logs, redisUrl: redis.url, redisPid: redis.pid };
}
