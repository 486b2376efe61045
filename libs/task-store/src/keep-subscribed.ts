/**
 * Subscribes a connection again, each time it comes back, to what it listened to before. In place of ioredis' own way, whose
 * answer nobody waits for: where Redis refuses it (the rights were taken away), Node ends the process for it.
 *
 * Owns the channels that are subscribed. Must stay true: as long as Redis refuses them the connection counts as one that is
 * away, and is tried again.
 */
import type { Redis } from 'ioredis';

type Channels = (...names: string[]) => Promise<unknown>;

/** @param onRefused hears of a refusal, after which the connection is made anew */
export function keepSubscribed(redis: Redis, onRefused: (error: Error) => void): void {
  const channels = new Set<string>();
  const subscribe = redis.subscribe.bind(redis) as Channels;
  const unsubscribe = redis.unsubscribe.bind(redis) as Channels;
  // Noted as they are answered, and so in the order in which Redis has them.
  const noteSubscribed: Channels = async (...names) => {
    const count = await subscribe(...names);
    for (const name of names) channels.add(name);
    return count;
  };
  const noteUnsubscribed: Channels = async (...names) => {
    const count = await unsubscribe(...names);
    for (const name of names) channels.delete(name);
    return count;
  };
  Object.defineProperty(redis, 'subscribe', { value: noteSubscribed });
  Object.defineProperty(redis, 'unsubscribe', { value: noteUnsubscribed });
  redis.on('ready', () => {
    if (channels.size === 0) return;
    subscribe(...channels).catch((error: Error) => {
      // Else it is gone already, and comes back by itself.
      if (redis.status === 'ready') onRefused(error);
    });
  });
}
