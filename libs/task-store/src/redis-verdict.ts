/** The settings of Redis that a queue relies on, `unknown` where the server lets nobody look. */
export type RedisSettings = { policy: string; /** What outlives a restart, as far as it can be seen. */ persistence: 'aof' | 'rdb' | 'none' } | 'unknown';

/** Whether Redis can be relied on, and what was seen. `message` names the fault and its mend. */
export interface RedisVerdict {
  up: boolean;
  facts: Record<string, string>;
}

/** Whether what Redis is told would stay there: it evicts no task, and keeps them over a restart unless that is waived. Pure. */
export function judgeRedis(settings: RedisSettings, allowNoPersistence: boolean): RedisVerdict {
  // Some hosted services let nobody look; what cannot be seen cannot be held against them, and readiness says that it was not.
  if (settings === 'unknown') return { up: true, facts: { policy: 'unknown', persistence: 'unknown' } };
  const { policy, persistence } = settings;
  if (policy !== 'noeviction') {
    return { up: false, facts: { policy, persistence, message: `maxmemory-policy is ${policy}: a full Redis would drop tasks; mend: CONFIG SET maxmemory-policy noeviction` } };
  }
  if (persistence === 'none' && !allowNoPersistence) {
    return { up: false, facts: { policy, persistence, message: 'persistence is off: a restart loses every task; mend: CONFIG SET appendonly yes, or REDIS_ALLOW_NO_PERSISTENCE=true if that is wanted' } };
  }
  return { up: true, facts: { policy, persistence } };
}
