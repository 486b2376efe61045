/** What befalls Redis, its way to the apps, and what it keeps for them. Each fault is proved by what Redis or the kernel then says. */
import { setTimeout as pause } from 'node:timers/promises';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { queueName } from '@function-runner/task-contract';
import { waitFor } from '@function-runner/testing';
import type { ChaosStage } from '../stage/chaos-stage.js';
import { processState } from '../stage/process-state.js';
import type { Inflict } from './fault-record.js';

export type RedisFaultKind = 'redis-restarted' | 'redis-killed' | 'redis-frozen' | 'redis-slow' | 'redis-half-open' | 'redis-connections-cut' | 'redis-pubsub-killed' | 'redis-scripts-flushed' | 'redis-full' | 'job-lock-deleted';

/** A question and its answer take so much longer through the proxy (faults.md). */
const SLOW_MS = 200;

/** There is something to strike, or something to be seen of the strike, within this time while clients are at work. */
const SHOWS_MS = 30_000;

/** Least memory that Redis may be told to keep to: it is over it at once. */
const TOO_LITTLE_BYTES = 1;

export function redisFaults(stage: ChaosStage): Record<RedisFaultKind, Inflict> {
  const { redis, redisProxy: proxy, stack: { redisServer: server } } = stage;

  const field = async (section: string, name: string): Promise<string> => {
    const line = (await redis.info(section)).split('\r\n').find((text) => text.startsWith(`${name}:`));
    if (line === undefined) throw new Error(`INFO ${section} has no ${name}`);
    return line.slice(name.length + 1);
  };

  const restart = (signal: 'SIGTERM' | 'SIGKILL'): Inflict => async ({ lastsMs }) => {
    const before = await field('server', 'run_id');
    const { pid } = server;
    await server.halt(signal);
    await pause(lastsMs);
    await server.resume();
    const after = await field('server', 'run_id');
    if (after === before || server.pid === pid) throw new Error(`Redis is the same as before: ${after}, pid ${server.pid}`);
    return { proof: `pid ${pid} ended by ${signal}, pid ${server.pid} runs; run_id ${before.slice(0, 8)} is now ${after.slice(0, 8)}` };
  };

  /** How long a PING takes by the way of the apps, milliseconds. */
  const pingThroughProxy = async (): Promise<number> => {
    const probe = redis.duplicate({ port: proxy.port, lazyConnect: true });
    probe.on('error', () => undefined);
    try {
      await probe.connect();
      const began = performance.now();
      await probe.ping();
      return performance.now() - began;
    } finally {
      probe.disconnect();
    }
  };

  const activeJobs = async (): Promise<{ queue: string; taskId: string }[]> => {
    const lists = await Promise.all(QUALITY_TIERS.map(async (tier) => (await redis.lrange(`bull:${queueName(tier)}:active`, 0, -1)).map((taskId) => ({ queue: queueName(tier), taskId }))));
    return lists.flat();
  };

  return {
    'redis-restarted': restart('SIGTERM'),
    'redis-killed': restart('SIGKILL'),

    'redis-frozen': async ({ lastsMs }) => {
      await redis.ping();
      const { pid } = server;
      process.kill(pid, 'SIGSTOP');
      try {
        await waitFor('the kernel to have stopped Redis', async () => (await processState(pid)) === 'T', SHOWS_MS);
        let answered = false;
        const ping = redis.ping().then(() => (answered = true));
        await pause(lastsMs);
        if (answered) throw new Error('Redis answered while it was frozen');
        process.kill(pid, 'SIGCONT');
        await ping;
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      return { proof: `pid ${pid} was in state T, and a PING had no answer for ${lastsMs} ms` };
    },

    'redis-slow': async ({ lastsMs }) => {
      proxy.delay(SLOW_MS);
      try {
        const took = await pingThroughProxy();
        if (took < SLOW_MS) throw new Error(`a PING took ${took.toFixed(0)} ms`);
        await pause(lastsMs);
        return { proof: `a PING through the proxy took ${took.toFixed(0)} ms` };
      } finally {
        proxy.delay(0);
      }
    },

    'redis-half-open': async () => {
      const held = await waitFor('a connection to Redis', () => proxy.connections || undefined, SHOWS_MS);
      const before = proxy.swallowed;
      proxy.halfOpen();
      const swallowed = await waitFor('bytes to go into the dead connections', () => proxy.swallowed - before || undefined, SHOWS_MS);
      return { proof: `${held} connections went dead without a word and swallowed ${swallowed} bytes at first` };
    },

    'redis-connections-cut': async () => {
      await waitFor('a connection to Redis', () => proxy.connections > 0, SHOWS_MS);
      const before = proxy.cuts;
      proxy.cut();
      if (proxy.cuts === before) throw new Error('the proxy reset no connection');
      return { proof: `the proxy reset ${proxy.cuts - before} connections` };
    },

    'redis-pubsub-killed': async () => {
      const killed = await waitFor('a subscriber', async () => Number(await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')) || undefined, SHOWS_MS, 100);
      return { proof: `CLIENT KILL TYPE pubsub ended ${killed} connections` };
    },

    'redis-scripts-flushed': async () => {
      const before = await waitFor('a script in the cache', async () => Number(await field('memory', 'number_of_cached_scripts')) || undefined, SHOWS_MS, 100);
      const answers = await redis.multi().script('FLUSH').info('memory').exec();
      const left = /number_of_cached_scripts:(\d+)/.exec(String(answers?.[1]?.[1]))?.[1];
      if (left !== '0') throw new Error(`${left ?? 'unknown'} scripts are cached after SCRIPT FLUSH`);
      return { proof: `${before} cached scripts became 0` };
    },

    'redis-full': async ({ lastsMs }) => {
      await redis.config('SET', 'maxmemory', TOO_LITTLE_BYTES);
      try {
        const refusal = await redis.set('chaos:no-room', '').then(() => 'stored', String);
        if (!refusal.includes('OOM')) throw new Error(`a SET under a full Redis: ${refusal}`);
        await pause(lastsMs);
        return { proof: 'a SET was refused with OOM' };
      } finally {
        await redis.config('SET', 'maxmemory', 0);
      }
    },

    'job-lock-deleted': async ({ aim }) => {
      const lost = await waitFor('an active job with a lock', async () => {
        const jobs = await activeJobs();
        const job = jobs[Math.floor(aim * jobs.length)];
        return job !== undefined && (await redis.del(`bull:${job.queue}:${job.taskId}:lock`)) === 1 ? job : undefined;
      }, SHOWS_MS, 50);
      return { proof: `DEL of the lock of ${lost.queue}/${lost.taskId} answered 1` };
    },
  };
}
