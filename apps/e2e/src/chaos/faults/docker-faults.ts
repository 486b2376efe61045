/** What befalls the Docker daemon, its way to the workers, and its containers. Each fault is proved by the daemon, the proxy or the kernel. */
import { setTimeout as pause } from 'node:timers/promises';
import Docker from 'dockerode';
import { waitFor } from '@function-runner/testing';
import type { ChaosStage } from '../stage/chaos-stage.js';
import { processState } from '../stage/process-state.js';
import type { Inflict } from './fault-record.js';

export type DockerFaultKind = 'docker-restarted' | 'docker-killed' | 'docker-frozen' | 'docker-connections-cut' | 'docker-stalled' | 'container-killed';

/** There is something to strike, or something to be seen of the strike, within this time while clients are at work. */
const SHOWS_MS = 30_000;

const INSTALL_LABEL = 'function-runner.install';
const TASK_LABEL = 'function-runner.task';

export function dockerFaults(stage: ChaosStage): Record<DockerFaultKind, Inflict> {
  const { daemon, dockerProxy: proxy, stack: { installId } } = stage;

  const restart = (how: 'stop' | 'kill'): Inflict => async () => {
    const { pid } = daemon;
    await daemon[how]();
    if ((await processState(pid)) !== undefined) throw new Error(`dockerd, pid ${pid}, lives on`);
    await daemon.start();
    const { ContainersRunning } = (await daemon.docker.info()) as { ContainersRunning: number };
    if (daemon.pid === pid) throw new Error(`dockerd is the same as before, pid ${pid}`);
    return { proof: `dockerd ${pid} was ended (${how}), dockerd ${daemon.pid} answers with ${ContainersRunning} containers running` };
  };

  return {
    'docker-restarted': restart('stop'),
    'docker-killed': restart('kill'),

    'docker-frozen': async ({ lastsMs }) => {
      const { pid } = daemon;
      daemon.freeze();
      try {
        await waitFor('the kernel to have stopped dockerd', async () => (await processState(pid)) === 'T', SHOWS_MS);
        let answered = false;
        const ping = daemon.docker.ping().then(() => (answered = true));
        await pause(lastsMs);
        if (answered) throw new Error('dockerd answered while it was frozen');
        daemon.resume();
        await ping;
      } finally {
        daemon.resume();
      }
      return { proof: `dockerd ${pid} was in state T, and a ping had no answer for ${lastsMs} ms` };
    },

    'docker-connections-cut': async () => {
      const before = proxy.cuts;
      // A Unix socket has no connection while nothing is asked: there is one as soon as something runs or is looked for.
      await waitFor('a connection to the daemon that is cut', () => {
        proxy.cut();
        return proxy.cuts > before;
      }, SHOWS_MS, 10);
      return { proof: `the proxy cut ${proxy.cuts - before} connections` };
    },

    'docker-stalled': async ({ lastsMs }) => {
      const before = proxy.swallowed;
      proxy.blackhole(true);
      // Our own question goes into the hole as well, so that there is one.
      const probe = new Docker({ socketPath: stage.dockerSocket });
      let answered = false;
      void probe.ping().then(() => (answered = true), () => undefined);
      try {
        await pause(lastsMs);
        if (answered || proxy.swallowed === before) throw new Error(`${proxy.swallowed - before} bytes were swallowed, the daemon ${answered ? 'answered' : 'did not answer'}`);
        return { proof: `${proxy.swallowed - before} bytes were swallowed, and a ping had no answer for ${lastsMs} ms` };
      } finally {
        proxy.blackhole(false);
      }
    },

    'container-killed': ({ aim }) => waitFor('a running container to be killed', async () => {
      const running = await daemon.docker.listContainers({ filters: { label: [`${INSTALL_LABEL}=${installId}`], status: ['running'] } });
      const victim = running[Math.floor(aim * running.length)];
      if (victim === undefined) return undefined;
      const container = daemon.docker.getContainer(victim.Id);
      const exit = container.wait() as Promise<{ StatusCode: number }>;
      exit.catch(() => undefined);
      await container.kill({ signal: 'SIGKILL' });
      const { StatusCode } = await exit;
      // It may have ended by itself at that moment; then there is another.
      return StatusCode === 137 ? { proof: `container ${victim.Id.slice(0, 12)} exited with 137 upon docker kill`, killedContainer: { taskId: victim.Labels[TASK_LABEL] } } : undefined;
    }, SHOWS_MS, 50),
  };
}
