import { Redis, type RedisOptions } from 'ioredis';
import { redisLocation } from './redis-location.js';
import { feelPulse } from './redis-pulse.js';

/**
 * Who uses a connection, and so what it does while Redis is away:
 * `request` fails within a second, since somebody waits for an answer;
 * `worker` waits and goes on, since a run must not fail for it;
 * `subscriber` carries pub/sub and subscribes again by itself.
 */
export type ConnectionRole = 'request' | 'worker' | 'subscriber';

/** The primary one became a replica, or we were led to one: what it refused is sent again to the new one. */
const RECONNECT_AND_RESEND = 2;

/** Connects to Redis, or to the primary one that Sentinels name; never throws for a Redis that is away: errors go to `onError` (ioredis reconnects by itself). @throws Error for a URL that cannot be read */
export function connectRedis(url: string, role: ConnectionRole, onError: (error: Error) => void): Redis {
  const options: RedisOptions = {
    ...(role === 'request' ? { maxRetriesPerRequest: 1, commandTimeout: 1000, enableOfflineQueue: true } : { maxRetriesPerRequest: null }),
    enableAutoPipelining: role !== 'subscriber',
    connectionName: `function-runner-${role}`,
    // From 50 ms to 1 s: a Redis that is back is found within a second.
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1000),
    sentinelRetryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1000),
    reconnectOnError: ({ message }) => (message.startsWith('READONLY') ? RECONNECT_AND_RESEND : false),
    keepAlive: 10_000,
  };
  const location = redisLocation(url);
  const redis = 'url' in location ? new Redis(location.url, options) : new Redis({ ...options, ...location.options });
  redis.on('error', onError);
  feelPulse(redis);
  return redis;
}
