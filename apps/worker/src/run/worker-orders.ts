/**
 * Hears the orders to this worker: so far, to cancel a task that it runs. A message may be lost; the mark in the
 * task's record is not, and the next progress write meets it.
 */
import { Inject, Injectable } from '@nestjs/common';
import { workerChannel } from '@function-runner/progress-protocol';
import type { WorkerOrder } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { LiveRuns } from './live-runs.js';
import { RedisConnections } from '../progress/redis-connections.js';

@Injectable()
export class WorkerOrders {
  constructor(
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId'>,
    private readonly redis: RedisConnections,
    private readonly live: LiveRuns,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Listens from now on; ioredis subscribes again by itself after a lost connection. */
  async listen(): Promise<void> {
    this.redis.subscriber.on('message', (_channel: string, text: string) => this.obey(text));
    await this.redis.subscriber.subscribe(workerChannel(this.config.workerId));
  }

  private obey(text: string): void {
    try {
      const { cancel, reason } = JSON.parse(text) as WorkerOrder;
      this.live.stop(cancel, { kind: 'cancel', reason });
    } catch (error) {
      this.logger.error({ err: error, text: text.slice(0, 200) }, 'an order that cannot be read');
    }
  }
}
