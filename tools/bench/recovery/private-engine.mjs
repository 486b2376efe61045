// @ts-check
// A Docker daemon of the bench's own beside the machine's, so that it can be restarted without touching anybody's containers.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { findProgram } from '../../setup/command.mjs';
import { spawnEngine } from '../../setup/container-engine.step.mjs';
import { endProcess, isAlive } from '../../setup/process-record.mjs';
import { SetupError } from '../../setup/setup-error.mjs';
import { createStopStack } from '../../setup/stop-stack.mjs';
import { useEngine } from '../bench-engine.mjs';
import { plainEnvironment } from '../product-apps.mjs';

/** dockerd ends its containers first, each with its own grace of 10 s. */
const STOP_GRACE_MS = 20_000;
/** When the bench is made to end at once: the daemon's mounts must be gone before its folder can be removed. */
const FORCED_GRACE_MS = 5_000;
const LOOK_AGAIN_S = '0.1';

/**
 * To be opened before the apps, which then end before it.
 * @param {import('../../setup/setup-context.mjs').SetupContext} context
 * @param {import('../temporary-stage.mjs').Stage} stage
 * @param {import('../bench-engine.mjs').BenchEngine} source the machine's engine, which has the image
 */
export async function openPrivateEngine(context, stage, source) {
  const { env, signal, stops, report } = context;
  const dockerd = findProgram('dockerd', env);
  if (dockerd === undefined || process.getuid?.() !== 0) {
    throw new SetupError('The recovery bench restarts a Docker daemon of its own, which only root can start.', 'Run it as root on a machine that has dockerd.');
  }
  const folder = join(stage.folder, 'docker');
  const socket = join(folder, 'docker.sock');
  // Neither a bridge nor a firewall: both belong to the machine's daemon, and pipelines have no network.
  const extra = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '--bridge=none', '--iptables=false', '--ip6tables=false'];
  let ownStops = createStopStack();
  let pid = 0;
  const start = async () => {
    const daemon = await spawnEngine({ dockerd, socket, extra, paths: stage.paths, stops: ownStops, signal, env: plainEnvironment(env) });
    ({ pid } = daemon);
    return daemon.docker;
  };
  stops.push({
    name: 'Docker engine of the bench',
    stop: () => ownStops.stopAll(report.line),
    force() {
      ownStops.forceAll();
      for (const until = performance.now() + FORCED_GRACE_MS; pid > 0 && isAlive(pid) && performance.now() < until; ) spawnSync('sleep', [LOOK_AGAIN_S]);
    },
  });
  const docker = await start();
  await copyImage(source, docker);
  return {
    ...useEngine(context, { docker, dockerHost: `unix://${socket}`, image: source.image }),
    /** In good order, as a package's upgrade does; resolves as soon as the new daemon answers. */
    async restart() {
      // Not by its own stop, which leaves a daemon alone while containers run.
      await endProcess(pid, STOP_GRACE_MS);
      await ownStops.stopAll(report.line);
      ownStops = createStopStack();
      await start();
    },
  };
}

/**
 * @param {import('../bench-engine.mjs').BenchEngine} from
 * @param {import('../../setup/docker-api.mjs').DockerApi} to
 */
async function copyImage({ docker, image }, to) {
  const { body } = await docker.call('GET', `/images/${encodeURI(image)}/get`, { idleMs: 60_000 });
  await to.call('POST', '/images/load?quiet=1', { stream: Readable.from([body]), idleMs: 120_000 });
  if (!(await to.image(image))) throw new Error(`${image} was copied to the engine of the bench, and is not there`);
}
