/**
 * Whether a Redis may be trusted with tasks: what it is told stays there, whatever it runs out of and however often it restarts.
 *
 * Owns the last verdict and one timer. Must stay true: nothing is fit before a first look; what a look found holds until
 * the next, since a Redis that cannot be asked tells those who use it soon enough; a new connection is looked at at once, for
 * it may lead to another Redis, or to the same with other settings.
 */
import type { Redis } from 'ioredis';
import { readRedisSettings } from './read-redis-settings.js';
import { judgeRedis, type RedisVerdict } from './redis-verdict.js';

/** Between two looks, milliseconds: so long goes a change unnoticed. A look costs one short trip. */
const LOOK_MS = 2000;

export class RedisFitness {
  private verdict: RedisVerdict = { up: false, facts: { message: 'Redis has not answered yet' } };
  private readonly listeners = new Set<(verdict: RedisVerdict) => void>();
  private readonly timer: NodeJS.Timeout;
  private readonly known: Promise<void>;
  private know: () => void = () => undefined;
  private readonly lookAgain = (): void => void this.look().catch(() => undefined);

  /** @param redis a connection of the role `request`: a look must not wait for a Redis that is away */
  constructor(private readonly redis: Redis, private readonly options: { allowNoPersistence: boolean }) {
    this.known = new Promise((resolve) => (this.know = resolve));
    redis.on('ready', this.lookAgain);
    this.timer = setInterval(() => {
      if (redis.status === 'ready') this.lookAgain();
    }, LOOK_MS).unref();
  }

  get fit(): boolean {
    return this.verdict.up;
  }

  /** Why it is not fit, with the mend; undefined where it is. */
  get fault(): string | undefined {
    return this.verdict.up ? undefined : this.verdict.facts['message'];
  }

  /** Resolves after the first look that got an answer. */
  whenKnown(): Promise<void> {
    return this.known;
  }

  /** Calls back whenever it becomes fit or unfit, or unfit for another reason; with the first look too. */
  onChange(listener: (verdict: RedisVerdict) => void): void {
    this.listeners.add(listener);
  }

  /** Looks now. @throws what ioredis throws where Redis does not answer; the verdict stays as it was then */
  async look(): Promise<RedisVerdict> {
    const verdict = judgeRedis(await readRedisSettings(this.redis), this.options.allowNoPersistence);
    const changed = verdict.up !== this.verdict.up || verdict.facts['message'] !== this.verdict.facts['message'];
    this.verdict = verdict;
    this.know();
    if (changed) for (const listener of this.listeners) listener(verdict);
    return verdict;
  }

  close(): void {
    clearInterval(this.timer);
    this.redis.off('ready', this.lookAgain);
  }
}
