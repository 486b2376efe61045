/**
 * Which worker processes live, and on which hosts. Each tells so every few seconds; one that stops is dead a little later.
 *
 * Owns the keys `workers` (sorted set: worker id by the time its word expires, the worker's clock), `worker:{id}` (what it
 * said of itself, expiring with its word), `hosts` (sorted set: host id by the time of its workers' last word) and
 * `host:{id}` (what the last of them said of it). A host is remembered for a while after its last worker: what only it
 * could run waits for it.
 */
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';

/**
 * A worker's word counts this long: as long as a job's lock, so that a dead worker is known as such when its task is given
 * again, a few seconds after the lock has run out.
 */
export const WORKER_WORD_MS = 5000;

/** How often a worker repeats its word: three may be lost. */
export const WORKER_BEAT_MS = 1000;

/** The set forgets a worker this long after its last word: far beyond any difference between clocks. */
const SWEEP_AFTER_MS = 60_000;

/** The book forgets a host that has not been heard of for this long. */
const HOST_MEMORY_MS = 86_400_000;

/** A GPU, as its host tells of it. */
export interface DeviceFacts {
  id: string;
  name: string;
  /** What may be leased of it, bytes; 0 while it is lost or sick. */
  totalBytes: number;
  health: 'ok' | 'lost' | 'sick';
}

/** What is known of a host. */
export interface HostFacts {
  hostId: string;
  /** As people call it. */
  name: string;
  devices: readonly DeviceFacts[];
  cpuMillis: number;
  memoryBytes: number;
  /** Whether a worker on it takes tasks. */
  alive: boolean;
  /** When one of its workers was last heard of, milliseconds since the epoch. */
  seenAt: number;
}

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
  /** Tasks that it runs at once. */
  concurrency: number;
  /** The host that it runs them on. */
  hostId: string;
  devices: readonly DeviceFacts[];
  /** Thousandths of a core that may be leased on its host. */
  cpuMillis: number;
  /** Bytes of memory that may be leased on its host. */
  memoryBytes: number;
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
    const { hostId, host: name, devices, cpuMillis, memoryBytes } = facts;
    await this.redis.set(keys.host(hostId), JSON.stringify({ hostId, name, devices, cpuMillis, memoryBytes }), 'PX', HOST_MEMORY_MS);
    await this.redis.zadd(keys.hosts, Date.now(), hostId);
    await this.redis.pexpire(keys.hosts, HOST_MEMORY_MS);
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

  /** The hosts heard of within a day, by id. */
  async hosts(): Promise<HostFacts[]> {
    await this.redis.zremrangebyscore(keys.hosts, '-inf', Date.now() - HOST_MEMORY_MS);
    const [workers, seen] = await Promise.all([this.list(), this.redis.zrange(keys.hosts, 0, '-1', 'WITHSCORES')]);
    const alive = new Set(workers.filter(({ state }) => state === 'working').map(({ hostId }) => hostId));
    const entries = seen.flatMap((hostId, index) => (index % 2 === 0 ? [{ hostId, seenAt: Number(seen[index + 1]) }] : []));
    const words = await Promise.all(entries.map(({ hostId }) => this.redis.get(keys.host(hostId))));
    return entries
      .flatMap(({ hostId, seenAt }, index) => {
        const word = words[index];
        return typeof word === 'string' ? [{ ...(JSON.parse(word) as Omit<HostFacts, 'alive' | 'seenAt'>), alive: alive.has(hostId), seenAt }] : [];
      })
      .sort((a, b) => (a.hostId < b.hostId ? -1 : 1));
  }
}
