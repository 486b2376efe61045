/**
 * Says whether Redis can be relied on: it answers, it never evicts a task, and it keeps what it is told.
 * Its configuration is read at most once in a few seconds; the ping is made each time.
 */
import type { Redis } from 'ioredis';

const CONFIG_AGE_MS = 5_000;

export interface RedisVerdict {
  up: boolean;
  facts: Record<string, string>;
}

export class RedisCheck {
  private config: { readAt: number; values: Readonly<Record<string, string>> | 'unknown' } | undefined;

  constructor(
    private readonly redis: Redis,
    private readonly options: { allowNoPersistence: boolean },
  ) {}

  async run(): Promise<RedisVerdict> {
    try {
      await this.redis.ping();
      return judge(await this.readConfig(), this.options.allowNoPersistence);
    } catch (error) {
      return { up: false, facts: { message: `Redis does not answer: ${(error as Error).message}` } };
    }
  }

  private async readConfig(): Promise<Readonly<Record<string, string>> | 'unknown'> {
    const now = performance.now();
    if (this.config !== undefined && now - this.config.readAt < CONFIG_AGE_MS) return this.config.values;
    const values = await this.askConfig();
    this.config = { readAt: now, values };
    return values;
  }

  private async askConfig(): Promise<Readonly<Record<string, string>> | 'unknown'> {
    try {
      const reply: unknown = await this.redis.config('GET', 'maxmemory-policy', 'appendonly', 'save');
      return toRecord(reply);
    } catch (error) {
      // Managed services forbid CONFIG; what cannot be asked cannot be held against them.
      if (/unknown (command|subcommand)|NOPERM|not (allowed|permitted)|disabled/i.test((error as Error).message)) return 'unknown';
      throw error;
    }
  }
}

/** Judges a configuration; pure. */
export function judge(config: Readonly<Record<string, string>> | 'unknown', allowNoPersistence: boolean): RedisVerdict {
  if (config === 'unknown') return { up: true, facts: { policy: 'unknown', persistence: 'unknown' } };
  const policy = config['maxmemory-policy'] ?? 'unknown';
  const persistence = config['appendonly'] === 'yes' ? 'aof' : (config['save'] ?? '') !== '' ? 'rdb' : 'none';
  const facts = { policy, persistence };
  if (policy !== 'noeviction') return { up: false, facts: { ...facts, message: `Redis may evict tasks; mend: CONFIG SET maxmemory-policy noeviction (it is ${policy})` } };
  if (persistence === 'none' && !allowNoPersistence) {
    return { up: false, facts: { ...facts, message: 'Redis keeps nothing on disk, a restart loses every task; mend: CONFIG SET appendonly yes, or REDIS_ALLOW_NO_PERSISTENCE=true if that is wanted' } };
  }
  return { up: true, facts };
}

/** CONFIG GET answers with pairs in a row (RESP2) or with a map (RESP3). */
function toRecord(reply: unknown): Record<string, string> {
  if (reply instanceof Map) return Object.fromEntries([...reply].map(([key, value]) => [String(key), String(value)]));
  if (Array.isArray(reply)) {
    const texts = reply.map(String);
    return Object.fromEntries(texts.flatMap((text, index) => (index % 2 === 0 ? [[text, texts[index + 1] ?? '']] : [])));
  }
  return Object.fromEntries(Object.entries((reply ?? {}) as Record<string, unknown>).map(([key, value]) => [key, String(value)]));
}
