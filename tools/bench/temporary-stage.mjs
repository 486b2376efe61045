// @ts-check
// A folder of its own for one bench, with a Redis of its own: nothing is shared with a runner of this checkout.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPrivateRedis } from '../setup/redis-server.step.mjs';
import { makeRunnerFolders, runnerPaths } from '../setup/runner-paths.mjs';
import { createStopStack } from '../setup/stop-stack.mjs';

/**
 * @typedef {object} Stage
 * @property {string} folder removed at the end
 * @property {import('../setup/runner-paths.mjs').RunnerPaths} paths its own, so that nothing of this checkout's is recorded or found
 * @property {string} logs
 * @property {string} redisUrl
 * @property {number} redisPid of the server that it was opened with
 * @property {() => Promise<void>} restartRedis in good order; resolves once the server answers again
 */

/**
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {{ name: string, redisProgram: string }} options
 * @returns {Promise<Stage>}
 */
export async function openStage({ stops, signal, report }, { name, redisProgram }) {
  const folder = mkdtempSync(join(tmpdir(), `function-runner-bench-${name}-`));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  stops.push({ name: 'temporary folder', stop: remove, force: remove });
  const paths = runnerPaths(folder);
  makeRunnerFolders(paths);
  // A list of its own: a server that came back is stopped in the place of the first, after all that uses it.
  let ownStops = createStopStack();
  stops.push({ name: 'Redis', stop: () => ownStops.stopAll(report.line), force: () => ownStops.forceAll() });
  /** @param {number} [port] */
  const start = (port) => startPrivateRedis({ program: redisProgram, folder: paths.redis, paths, stops: ownStops, signal, ...(port === undefined ? {} : { port }) });
  const redis = await start();
  return {
    folder,
    paths,
    logs: paths.logs,
    redisUrl: redis.url,
    redisPid: redis.pid,
    async restartRedis() {
      await ownStops.stopAll(report.line);
      ownStops = createStopStack();
      await start(redis.port);
    },
  };
}
