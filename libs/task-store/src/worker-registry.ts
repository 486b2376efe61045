/**
 * Which worker processes live. Each tells so every few seconds; one that stops is dead a little later.
 *
 * Owns the keys `workers` (sorted set: worker id by the time its word expires, the worker's clock) and `worker:{id}` (what it
 * said of itself, expiring with its word).
 */
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';

/**
 * A worker's word counts this long: no longer than what is left at least of a job's lock (10 s, renewed every 5 s) when
 * its worker dies, so that a dead worker is known as such when its task is given again.
 */
export const WORKER_WORD_MS = 5000;

/** How often a worker repeats its word: three may be lost. */
export const WORKER_BEAT_MS = 1000;

/** The set forgets a worker this long after its last word: far beyond any difference between clocks. */
const SWEEP_AFTER_MS = 60_000;

/** What a worker says of itself. */
export interface WorkerFacts {
  workerId: string;
  host: string;
  pid: number;
  engine: string;
  state: 'working' | 'draining';
  /** Attempts that it runs now. */
  running: number;
  /** Containers that it keeps warm. */
  warm: number;
  /** Tasks of one tier that it runs at once. */
  concurrency: number;
  /** ISO 8601, UTC. */
  startedAt: string;
}

export class WorkerRegistry {
  constructor(private readonly redis: Redis) {}

  /** Says that the worker lives, and how. */
  async announce(facts: WorkerFacts): Promise<void> {
    await this.redis.set(keys.worker(facts.workerId), JSON.stringify(facts), 'PX', WORKER_WORD_MS);
    await this.redis.zadd(keys.workers, Date.now() + WORKER_WORD_MS, facts.workerId);
    await this.redis.pexpire(keys.workers, SWEEP_AFTER_MS);
  }

  /** Takes the worker's word back: it ends. */
  async leave(workerId: string): Promise<void> {
    await this.redis.del(keys.worker(workerId));
    await this.redis.zrem(keys.workers, workerId);
  }

  async isAlive(workerId: string): Promise<boolean> {
    return (await this.redis.exists(keys.worker(workerId))) === 1;
  }

  /** The living workers, by id; the set is swept of dead ones on the way. */
  async list(): Promise<WorkerFacts[]> {
    // What decides is whether the word itself is still there.
    await this.redis.zremrangebyscore(keys.workers, '-inf', Date.now() - SWEEP_AFTER_MS);
    const ids = await this.redis.zrange(keys.workers, 0, '-1');
    const words = await Promise.all(ids.map((id) => this.redis.get(keys.worker(id))));
    return words.flatMap((word) => (word === null ? [] : [JSON.parse(word) as WorkerFacts])).sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
  }
}
