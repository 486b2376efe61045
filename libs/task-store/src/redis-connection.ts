import { Redis, type RedisOptions } from 'ioredis';
import { keepSubscribed } from './keep-subscribed.js';
import { redisLocation } from './redis-location.js';
import { feelPulse } from './redis-pulse.js';

/**
 * Who uses a connection, and so what it does while Redis is away:
 * `request` fails within a second, since somebody waits for an answer;
 * `worker` waits and goes on, since a run must not fail for it;
 * `subscriber` carries pub/sub and subscribes again by itself.
 */
export type ConnectionRole = 'request' | 'worker' | 'subscriber';

/** What ioredis is told to do when the primary one became a replica, or we were led to one, and it refused a write. */
const RECONNECT = 1;
const RECONNECT_AND_RESEND = 2;

/** Between two tries at a Redis that goes on refusing, milliseconds: it lets us in each time, so that trying alone never slows down. */
const REFUSED_PAUSE_MS = 500;

/** Connects to Redis, or to the primary one that Sentinels name; never throws for a Redis that is away: errors go to `onError` (ioredis reconnects by itself). @throws Error for a URL that cannot be read */
export function connectRedis(url: string, role: ConnectionRole, onError: (error: Error) => void): Redis {
  let refusedAt = -Infinity;
  const options: RedisOptions = {
    ...(role === 'request' ? { maxRetriesPerRequest: 1, commandTimeout: 1000, enableOfflineQueue: true } : { maxRetriesPerRequest: null }),
    enableAutoPipelining: role !== 'subscriber',
    // See `keepSubscribed`.
    autoResubscribe: false,
    connectionName: `function-runner-${role}`,
    retryStrategy: (attempt) => Math.max(pauseBefore(attempt), performance.now() - refusedAt < REFUSED_PAUSE_MS ? REFUSED_PAUSE_MS : 0),
    sentinelRetryStrategy: pauseBefore,
    reconnectOnError: ({ message }) => {
      if (!message.startsWith('READONLY')) return false;
      refusedAt = performance.now();
      // Whoever waits is told at once: sent again, it would be done after its caller was told that it was not.
      return role === 'request' ? RECONNECT : RECONNECT_AND_RESEND;
    },
    keepAlive: 10_000,
  };
  const location = redisLocation(url);
  const redis = 'url' in location ? new Redis(location.url, options) : new Redis({ ...options, ...location.options });
  for (const greeting of ['hello', 'auth'] as const) keepSecret(redis, greeting);
  if (role !== 'request') waitThroughRefusal(redis);
  if (role === 'subscriber') {
    keepSubscribed(redis, (error) => {
      refusedAt = performance.now();
      onError(error);
      redis.disconnect(true);
    });
  }
  redis.on('error', onError);
  feelPulse(redis);
  return redis;
}

/** Between two tries to connect, milliseconds: from 50 ms to 1 s, so that a Redis that is back is found within a second. */
function pauseBefore(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 5), 1000);
}

/**
 * A Redis that does not let us in (wrong password, missing rights) is one that is away: ioredis connects again by itself, but
 * first fails all that waits, which whoever does not want an answer at once can wait for as well.
 */
function waitThroughRefusal(redis: Redis): void {
  Object.defineProperty(redis, 'recoverFromFatalError', {
    value: (_failed: Error, error: Error) => {
      redis.silentEmit('error', error);
      redis.disconnect(true);
    },
  });
}

/**
 * Takes the command from the error of our own greeting: it holds the password, and a log may print all that an error holds.
 * At the source, since every command that waited for the greeting is refused with the same error, and may see it first.
 */
function keepSecret(redis: Redis, greeting: 'hello' | 'auth'): void {
  const greet = redis[greeting].bind(redis) as (...words: unknown[]) => Promise<unknown>;
  const greetInSecret = async (...words: unknown[]): Promise<unknown> => {
    try {
      return await greet(...words);
    } catch (error) {
      if (error instanceof Error && 'command' in error) delete error.command;
      throw error;
    }
  };
  Object.defineProperty(redis, greeting, { value: greetInSecret });
}
