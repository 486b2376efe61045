import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { connectRedis, RedisCheck, RedisFitness } from '@function-runner/task-store';
import type { Redis } from 'ioredis';
import type { WorkerConfig } from '../config/worker-config.js';
import type { Logger } from '../logging/logger.js';

/** Milliseconds between two log lines about a Redis that is away. */
const COMPLAINT_INTERVAL_MS = 10_000;

/**
 * The worker's own connections: one for the tasks' events, one for the queues, one for what it is told, and one to look at
 * Redis itself, which is refused where the others wait and send again. Closed last of all. Events and queues don't share one:
 * commands wait for the pipeline before them, and a task's first event for BullMQ's look for the next job (a fifth of a short
 * task's time was measured). `fitness` says whether this Redis may be trusted with tasks, and so whether any is taken.
 */
@Injectable()
export class RedisConnections implements OnApplicationShutdown {
  readonly main: Redis;
  readonly queue: Redis;
  readonly subscriber: Redis;
  readonly fitness: RedisFitness;
  readonly check: RedisCheck;
  private readonly probe: Redis;
  private complainedAt = Number.NEGATIVE_INFINITY;

  constructor({ redisUrl: url, allowNoPersistence }: Pick<WorkerConfig, 'redisUrl' | 'allowNoPersistence'>, private readonly logger: Logger) {
    this.main = connectRedis(url, 'worker', (error) => this.complain(error));
    this.queue = connectRedis(url, 'worker', (error) => this.complain(error));
    this.subscriber = connectRedis(url, 'subscriber', (error) => this.complain(error));
    this.probe = connectRedis(url, 'request', (error) => this.complain(error));
    this.fitness = new RedisFitness(this.probe, { allowNoPersistence: allowNoPersistence === 'true' });
    this.fitness.onChange(({ up, facts }) => (up ? logger.info(facts, 'Redis keeps what it is told') : logger.error(facts, 'no task is taken, since Redis could lose it')));
    this.check = new RedisCheck(this.main, this.fitness, this.probe);
  }

  /** One line in a while: a Redis that is away fails several times a second. */
  complain(error: unknown): void {
    const now = performance.now();
    if (now - this.complainedAt < COMPLAINT_INTERVAL_MS) return;
    this.complainedAt = now;
    this.logger.error({ err: error }, 'Redis cannot be reached; trying on');
  }

  onApplicationShutdown(): void {
    this.fitness.close();
    this.main.disconnect();
    this.queue.disconnect();
    this.subscriber.disconnect();
    this.probe.disconnect();
  }
}
