/**
 * Gives up connections that say nothing any more: a peer that vanished without a word leaves the connection as it is, the
 * kernel notices after many minutes, and what waits for an answer waits as long.
 *
 * Owns one timer a connection. Must stay true: a connection that has not answered a ping, or got no further than being
 * open, is dropped within {@link PULSE_MS} and {@link ANSWER_MS}; ioredis then connects anew by itself, and sends again what
 * was not answered.
 */
import type { Redis } from 'ioredis';

const PULSE_MS = 4000;

/** A Redis that is slow answers within this, and one that is frozen for longer is no worse for a new connection. */
const ANSWER_MS = 4000;

/** Feels the pulse of a connection until it is closed for good. */
export function feelPulse(redis: Redis): void {
  let openedOnly = false;
  let asking = false;
  const timer = setInterval(() => {
    if (redis.status === 'end') return clearInterval(timer);
    if (redis.status === 'ready') {
      openedOnly = false;
      if (!asking) void ask();
      return;
    }
    // Open, and its first question not answered since the last look.
    if (redis.status === 'connect' && openedOnly) redis.disconnect(true);
    openedOnly = redis.status === 'connect';
  }, PULSE_MS).unref();

  async function ask(): Promise<void> {
    asking = true;
    const silence = setTimeout(() => redis.disconnect(true), ANSWER_MS);
    try {
      await redis.ping();
    } catch {
      // The connection's own time-out came first, or it is gone: a time-out means silence, and gone it connects by itself.
      if (redis.status === 'ready') redis.disconnect(true);
    } finally {
      clearTimeout(silence);
      asking = false;
    }
  }
}
