import type { Redis } from 'ioredis';
import type { RedisSettings } from './redis-verdict.js';

const ASKED = ['maxmemory-policy', 'appendonly', 'save'];

/** How a command that may not be used is refused: by ACL, by `rename-command`, by a hosted service. */
const FORBIDDEN = /unknown (command|subcommand)|NOPERM|not (allowed|permitted)|disabled/i;

/** Asks Redis for the settings that a queue relies on: by CONFIG, else by what INFO shows of them. @throws what ioredis throws where there is no answer */
export async function readRedisSettings(redis: Redis): Promise<RedisSettings> {
  return (await unlessForbidden(() => readConfig(redis))) ?? (await unlessForbidden(() => readInfo(redis))) ?? 'unknown';
}

async function readConfig(redis: Redis): Promise<RedisSettings> {
  // One by one: several in one CONFIG GET want Redis 7.
  const replies = await Promise.all(ASKED.map((name) => redis.config('GET', name)));
  const config = Object.assign({}, ...replies.map(toRecord)) as Record<string, string>;
  const persistence = config['appendonly'] === 'yes' ? 'aof' : (config['save'] ?? '') !== '' ? 'rdb' : 'none';
  return { policy: config['maxmemory-policy'] ?? 'unknown', persistence };
}

/** INFO does not tell when snapshots are taken, only that one has been since the start: the first hour of a server that takes one an hour looks as if it took none. */
async function readInfo(redis: Redis): Promise<RedisSettings | undefined> {
  const info = `${await redis.info('memory')}\n${await redis.info('persistence')}`;
  const value = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const [policy, aof] = [value('maxmemory_policy'), value('aof_enabled')];
  if (policy === undefined || aof === undefined) return undefined;
  return { policy, persistence: aof === '1' ? 'aof' : Number(value('rdb_last_bgsave_time_sec') ?? -1) >= 0 ? 'rdb' : 'none' };
}

async function unlessForbidden<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (FORBIDDEN.test((error as Error).message)) return undefined;
    throw error;
  }
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
