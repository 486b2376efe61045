import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { connectRedis } from '@function-runner/task-store';
import type { Redis } from 'ioredis';
import type { Logger } from '../logging/logger.js';

/** Milliseconds between two log lines about a Redis that is away. */
const COMPLAINT_INTERVAL_MS = 10_000;

/**
 * The worker's own connections: one for the tasks' events, one for the queues, one for what it is told, and one to try
 * whether Redis takes writes, which is refused where the others wait and send again. Closed last of all. Events and queues don't share one: commands wait for the pipeline before them, and a task's first event for
 * BullMQ's look for the next job (a fifth of a short task's time was measured).
 */
@Injectable()
export class RedisConnections implements OnApplicationShutdown {
  readonly main: Redis;
  readonly queue: Redis;
  readonly subscriber: Redis;
  readonly probe: Redis;
  private complainedAt = Number.NEGATIVE_INFINITY;

  constructor(url: string, private readonly logger: Logger) {
    this.main = connectRedis(url, 'worker', (error) => this.complain(error));
    this.queue = connectRedis(url, 'worker', (error) => this.complain(error));
    this.subscriber = connectRedis(url, 'subscriber', (error) => this.complain(error));
    this.probe = connectRedis(url, 'request', (error) => this.complain(error));
  }

  /** One line in a while: a Redis that is away fails several times a second. */
  complain(error: unknown): void {
    const now = performance.now();
    if (now - this.complainedAt < COMPLAINT_INTERVAL_MS) return;
    this.complainedAt = now;
    this.logger.error({ err: error }, 'Redis cannot be reached; trying on');
  }

  onApplicationShutdown(): void {
    this.main.disconnect();
    this.queue.disconnect();
    this.subscriber.disconnect();
    this.probe.disconnect();
  }
}
