import { Redis } from 'ioredis';

/**
 * Who uses a connection, and so what it does while Redis is away:
 * `request` fails within a second, since somebody waits for an answer;
 * `worker` waits and goes on, since a run must not fail for it;
 * `subscriber` carries pub/sub and subscribes again by itself.
 */
export type ConnectionRole = 'request' | 'worker' | 'subscriber';

/** Connects to Redis; never throws here, errors go to `onError` (ioredis reconnects by itself). */
export function connectRedis(url: string, role: ConnectionRole, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, {
    ...(role === 'request' ? { maxRetriesPerRequest: 1, commandTimeout: 1000, enableOfflineQueue: true } : { maxRetriesPerRequest: null }),
    enableAutoPipelining: role !== 'subscriber',
    connectionName: `function-runner-${role}`,
    // From 50 ms to 1 s: a Redis that is back is found within a second.
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1000),
    // A peer that vanished without a word is noticed by the kernel.
    keepAlive: 10_000,
  });
  redis.on('error', onError);
  return redis;
}
