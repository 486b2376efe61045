import { DEFAULT_TIERS } from '@function-runner/pipeline-schema';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, TcpProxy, testJob, waitFor } from '@function-runner/testing';
import { TaskQueues } from './task-queues.adapter.js';

/** Longer than a command of the request connection may take. */
const TOO_SLOW_MS = 1500;

describe('the queues of a Redis that is slow when they are opened', () => {
  it('are opened once it answers in time, and take tasks then', async () => {
    const server = await RedisFixture.start();
    const proxy = await TcpProxy.start({ port: server.port });
    const redis = connectRedis(`redis://127.0.0.1:${proxy.port}`, 'request', () => undefined);
    redis.setMaxListeners(50);
    try {
      await waitFor('the connection', () => redis.status === 'ready');
      proxy.delay(TOO_SLOW_MS);
      const queues = new TaskQueues(redis, { prefix: 'bull', tiers: DEFAULT_TIERS });
      try {
        await expect(queues.add('high', 'early', testJob(''), 'normal')).rejects.toThrow('Command timed out');
        proxy.delay(0);
        await queues.whenReady();
        await queues.add('high', 'later', testJob(''), 'normal');
        expect(await queues.placeOf('high', 'later')).toBe('waiting');
        // What every worker heeds was written too.
        await waitFor('the limit', async () => (await redis.hget('bull:quality_high:meta', 'concurrency')) === String(DEFAULT_TIERS.high.max_concurrent));
      } finally {
        await queues.close();
      }
    } finally {
      redis.disconnect();
      await proxy.stop();
      await server.stop();
    }
  });
});
