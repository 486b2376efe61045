import type { Redis } from 'ioredis';
import type { TaskEvent } from '@function-runner/progress-protocol';
import { keysLike } from './keys-like.js';

/** The event log of every task that Redis knows. */
export async function readLogs(redis: Redis): Promise<Map<string, TaskEvent[]>> {
  const logs = await Promise.all((await keysLike(redis, 'task:{*}:events')).map(async (key): Promise<[string, TaskEvent[]]> => {
    const entries = await redis.xrange(key, '-', '+');
    return [key.slice('task:{'.length, -'}:events'.length), entries.map(([, fields]) => JSON.parse(fields[1] ?? '') as TaskEvent)];
  }));
  return new Map(logs);
}
