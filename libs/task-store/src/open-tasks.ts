/**
 * Which tasks have not ended.
 *
 * Owns the key `tasks:open`. It lies in another slot than the records, so it errs to the safe side: a task enters before its
 * record is made and leaves after its end is written. What was to leave and did not is dropped by whoever repairs what does
 * not agree; a task that is missing (its record was made by an older version) is entered by the same.
 */
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';

export class OpenTasks {
  constructor(private readonly redis: Redis) {}

  async enter(taskId: string, now: Date): Promise<void> {
    await this.redis.zadd(keys.openTasks, 'NX', now.getTime(), taskId);
  }

  async leave(taskIds: readonly string[]): Promise<void> {
    await this.redis.zrem(keys.openTasks, ...taskIds);
  }

  /** So many ids from the given place on, the oldest first. Where others leave meanwhile some are passed over. */
  async page(from: number, count: number): Promise<string[]> {
    return this.redis.zrange(keys.openTasks, from, String(from + count - 1));
  }

  /** Those of the given tasks that are in it. One round trip. */
  async among(taskIds: readonly string[]): Promise<ReadonlySet<string>> {
    const scores = await Promise.all(taskIds.map((taskId) => this.redis.zscore(keys.openTasks, taskId)));
    return new Set(taskIds.filter((_taskId, index) => typeof scores[index] === 'string'));
  }
}
