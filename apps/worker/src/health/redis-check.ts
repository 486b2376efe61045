import type { Redis } from 'ioredis';
import { within } from '../lifecycle/within.js';

/** How long Redis may take to answer. */
const TIMEOUT_MS = 2000;

/**
 * What is wrong with Redis for a queue that must lose nothing, with the mend; undefined when nothing is. Where the
 * server forbids CONFIG, as hosted ones do, its settings are the provider's word.
 */
export async function redisFault(redis: Redis, allowNoPersistence: boolean): Promise<string | undefined> {
  if (redis.status !== 'ready') return `not connected (${redis.status})`;
  const settings = await within(TIMEOUT_MS, readSettings(redis));
  if (settings === undefined) return undefined;
  const { policy, save, appendonly } = settings;
  if (policy !== 'noeviction') return `maxmemory-policy is ${policy}: a full Redis would drop tasks; set it with CONFIG SET maxmemory-policy noeviction`;
  if (!allowNoPersistence && save === '' && appendonly !== 'yes') {
    return 'persistence is off: a restart would lose every task; set appendonly yes, or REDIS_ALLOW_NO_PERSISTENCE=true to accept that';
  }
  return undefined;
}

async function readSettings(redis: Redis): Promise<{ policy: string; save: string; appendonly: string } | undefined> {
  await redis.ping();
  try {
    const values = await Promise.all(['maxmemory-policy', 'save', 'appendonly'].map(async (name) => settingOf(await redis.config('GET', name), name)));
    return { policy: values[0] ?? '', save: values[1] ?? '', appendonly: values[2] ?? '' };
  } catch (error) {
    if (/unknown command|NOPERM|not allowed/i.test((error as Error).message)) return undefined;
    throw error;
  }
}

/** `CONFIG GET` answers a list in RESP2 and a map in RESP3. */
function settingOf(reply: unknown, name: string): string {
  if (Array.isArray(reply)) return String(reply[1] ?? '');
  const value = typeof reply === 'object' && reply !== null ? (reply as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
}
