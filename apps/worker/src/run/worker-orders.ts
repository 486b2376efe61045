/**
 * Orders to a worker: to cancel a task that it runs, or to end a warm container whose place a waiting task needs. A message
 * may be lost: the mark of a cancel is in the task's record, where the next progress write meets it, and a container in
 * the way is found again by the next round of whoever needs its place.
 */
import { Inject, Injectable } from '@nestjs/common';
import { workerChannel } from '@function-runner/progress-protocol';
import type { WorkerOrder } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { RedisConnections } from '../progress/redis-connections.js';
import { WarmPool } from '../warm/warm-pool.js';
import { LiveRuns } from './live-runs.js';

@Injectable()
export class WorkerOrders {
  private readonly channel: string;

  constructor(
    @Inject(WORKER_CONFIG) config: Pick<WorkerConfig, 'workerId'>,
    private readonly redis: RedisConnections,
    private readonly live: LiveRuns,
    private readonly pool: WarmPool,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.channel = workerChannel(config.workerId);
  }

  /** Listens from now on; ioredis subscribes again by itself after a lost connection. */
  async listen(): Promise<void> {
    this.redis.subscriber.on('message', (channel: string, text: string) => {
      if (channel === this.channel) this.obey(text);
    });
    await this.redis.subscriber.subscribe(this.channel);
  }

  /** Gives another worker an order. */
  send(workerId: string, order: WorkerOrder): void {
    this.redis.main.publish(workerChannel(workerId), JSON.stringify(order)).catch((error: unknown) => this.logger.debug({ err: error, worker: workerId }, 'another worker could not be told'));
  }

  private obey(text: string): void {
    try {
      const order = JSON.parse(text) as WorkerOrder;
      if ('evict' in order) this.pool.evict([order.evict]);
      else this.live.stop(order.cancel, { kind: 'cancel', reason: order.reason });
    } catch (error) {
      this.logger.error({ err: error, text: text.slice(0, 200) }, 'an order that cannot be read');
    }
  }
}
