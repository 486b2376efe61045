/**
 * Whether a Redis can be used now, for readiness: it is reached, it may be trusted with tasks, and it takes a write.
 *
 * Owns the last error of the connection that it looks at, which is why there is none.
 */
import type { Redis } from 'ioredis';
import { redisFault } from './redis-fault.js';
import type { RedisFitness } from './redis-fitness.js';
import type { RedisVerdict } from './redis-verdict.js';

/** A key that is written to see whether Redis takes anything; it is gone a moment later. */
const PROBE = 'redis:probe';
const PROBE_MS = 1000;

export class RedisCheck {
  private lastError: Error | undefined;

  /**
   * @param redis the connection that work goes over
   * @param probe a connection of the role `request` to try a write over, where `redis` is none: it would send a refused write again until it is taken
   */
  constructor(
    private readonly redis: Redis,
    private readonly fitness: RedisFitness,
    private readonly probe: Redis = redis,
  ) {
    redis.on('error', (error: Error) => (this.lastError = error));
    redis.on('ready', () => (this.lastError = undefined));
  }

  async run(): Promise<RedisVerdict> {
    // ioredis would keep the question until there is a connection again; readiness wants to know now.
    if (this.redis.status !== 'ready') return down(`not connected (${this.redis.status})`, this.lastError, this.redis.options.tls === undefined ? '' : '; a Redis without TLS is silent too, and wants redis:// in place of rediss://');
    try {
      await this.redis.ping();
      const verdict = await this.fitness.look();
      if (verdict.up) await this.probe.set(PROBE, '1', 'PX', PROBE_MS);
      return verdict;
    } catch (error) {
      return down(undefined, error);
    }
  }
}

/** A sentence on why Redis cannot be used: the fault's own, never the error itself, which may hold what was sent. */
function down(state: string | undefined, error: unknown, whereSilent = ''): RedisVerdict {
  const fault = redisFault(error);
  const why = fault === undefined ? (error instanceof Error ? error.message : undefined) : `${fault.sentence}${fault.kind === 'silent' ? whereSilent : ''}`;
  return { up: false, facts: { message: `Redis cannot be used: ${[state, why].filter((part) => part !== undefined).join(': ')}` } };
}
