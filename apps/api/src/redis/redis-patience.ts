/**
 * How long a request waits for a Redis that says nothing on one connection.
 *
 * Owns the time at which it was last heard there. A trip has its own limit (see `connectRedis`), but trips that wait for one before
 * them add theirs, so a frozen Redis would cost a request one after the other. Must stay true: a Redis that answers slowly is
 * waited for; of one that is silent its request hears within a second.
 */
import type { Redis } from 'ioredis';
import { TaskError } from '@function-runner/task-contract';

/** Silence after which a request is refused, milliseconds: within a second of its arrival it shall be told, and the refusal has to travel. */
export const SILENCE_MS = 850;

export class RedisPatience {
  private heardAt = -Infinity;

  constructor(redis: Redis) {
    redis.on('connect', () => redis.stream.on('data', () => {
      // What it says before it is ready answers nobody: it may be loading its data.
      if (redis.status === 'ready') this.heardAt = performance.now();
    }));
  }

  /**
   * Settles as `work` does, or when Redis has been silent for too long; the work goes on then, since what was sent cannot be called back.
   * @throws TaskError UNAVAILABLE
   */
  async within<T>(work: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      const look = (): void => {
        const left = Math.max(begun, this.heardAt) + SILENCE_MS - performance.now();
        if (left > 0) timer = setTimeout(look, left);
        else reject(new TaskError('UNAVAILABLE', 'Redis does not answer, so it is not known whether the request was carried out; send it again in a moment, with the same requestId'));
      };
      look();
    });
    try {
      return await Promise.race([work(), silence]);
    } finally {
      clearTimeout(timer);
    }
  }
}
