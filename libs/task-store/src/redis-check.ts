import type { Redis } from 'ioredis';

/** The settings of Redis that a queue relies on, `unknown` where the server forbids asking. */
export type RedisSettings = Readonly<Record<string, string>> | 'unknown';

/** Whether Redis can be relied on, and what was seen. `message` names the fault and its mend. */
export interface RedisVerdict {
  up: boolean;
  facts: Record<string, string>;
}

/** A key that is written to see whether Redis takes anything; it is gone a moment later. */
const PROBE = 'redis:probe';
const PROBE_MS = 1000;

const ASKED = ['maxmemory-policy', 'appendonly', 'save'];

/** Says whether Redis can be relied on: it answers, it never evicts a task, and it keeps what it is told. */
export class RedisCheck {
  constructor(
    private readonly redis: Redis,
    private readonly options: { allowNoPersistence: boolean; /** A connection of the role `request` to try a write over, where `redis` is none: it would send a refused write again until it is taken. */ probe?: Redis },
  ) {}

  async run(): Promise<RedisVerdict> {
    // ioredis would keep the question until there is a connection again; readiness wants to know now.
    if (this.redis.status !== 'ready') return { up: false, facts: { message: `Redis does not answer: not connected (${this.redis.status})` } };
    try {
      await this.redis.ping();
      const verdict = judgeRedis(await this.readSettings(), this.options.allowNoPersistence);
      return verdict.up ? await this.probe(verdict) : verdict;
    } catch (error) {
      return { up: false, facts: { message: `Redis does not answer: ${(error as Error).message}` } };
    }
  }

  /** A Redis that is full, or a replica, answers everything and takes nothing. */
  private async probe(verdict: RedisVerdict): Promise<RedisVerdict> {
    try {
      await (this.options.probe ?? this.redis).set(PROBE, '1', 'PX', PROBE_MS);
      return verdict;
    } catch (error) {
      const { message } = error as Error;
      if (/^OOM/.test(message)) return { up: false, facts: { ...verdict.facts, message: 'Redis is full (maxmemory): it takes no task until there is room; mend: raise maxmemory, or shorten EVENT_RETENTION' } };
      if (/^(READONLY|NOREPLICAS|MISCONF)/.test(message)) return { up: false, facts: { ...verdict.facts, message: `Redis takes no writes: ${message}` } };
      throw error;
    }
  }

  private async readSettings(): Promise<RedisSettings> {
    try {
      // One by one: several in one CONFIG GET want Redis 7.
      const replies = await Promise.all(ASKED.map((name) => this.redis.config('GET', name)));
      return Object.assign({}, ...replies.map(toRecord)) as Record<string, string>;
    } catch (error) {
      // Managed services forbid CONFIG; what cannot be asked cannot be held against them.
      if (/unknown (command|subcommand)|NOPERM|not (allowed|permitted)|disabled/i.test((error as Error).message)) return 'unknown';
      throw error;
    }
  }
}

/** Judges the settings; pure. */
export function judgeRedis(settings: RedisSettings, allowNoPersistence: boolean): RedisVerdict {
  if (settings === 'unknown') return { up: true, facts: { policy: 'unknown', persistence: 'unknown' } };
  const policy = settings['maxmemory-policy'] ?? 'unknown';
  const persistence = settings['appendonly'] === 'yes' ? 'aof' : (settings['save'] ?? '') !== '' ? 'rdb' : 'none';
  const facts = { policy, persistence };
  if (policy !== 'noeviction') {
    return { up: false, facts: { ...facts, message: `maxmemory-policy is ${policy}: a full Redis would drop tasks; mend: CONFIG SET maxmemory-policy noeviction` } };
  }
  if (persistence === 'none' && !allowNoPersistence) {
    return { up: false, facts: { ...facts, message: 'persistence is off: a restart loses every task; mend: CONFIG SET appendonly yes, or REDIS_ALLOW_NO_PERSISTENCE=true if that is wanted' } };
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
