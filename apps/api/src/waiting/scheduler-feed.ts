/**
 * Hears what is said of waiting tasks on the channel `scheduler`, while somebody wants to.
 *
 * Shares the subscriber connection with the events of projects, and owns this one channel of it. A message that is lost is
 * made up for by the next look at the queues.
 */
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { schedulerChannel } from '@function-runner/progress-protocol';
import { decodeSchedulerMessage, type SchedulerMessage } from '@function-runner/scheduling';

export class SchedulerFeed {
  private readonly logger = new Logger('Scheduler');
  private listener: ((message: SchedulerMessage) => void) | undefined;
  private readonly onMessage = (channel: string, text: string): void => {
    if (channel === schedulerChannel) this.hear(text);
  };

  constructor(private readonly redis: Redis) {}

  /** Listens from here on, or once Redis can be reached. `listener` may throw at a message that says what cannot be. */
  open(listener: (message: SchedulerMessage) => void): void {
    if (this.listener === undefined) this.redis.on('message', this.onMessage);
    this.listener = listener;
    this.redis.subscribe(schedulerChannel).catch((error: unknown) => this.logger.warn(`the channel of the scheduler could not be subscribed: ${String(error)}; the queues are looked at all the same`));
  }

  /** Listens no more. */
  close(): void {
    if (this.listener === undefined) return;
    this.listener = undefined;
    this.redis.off('message', this.onMessage);
    this.redis.unsubscribe(schedulerChannel).catch((error: unknown) => this.logger.debug(`UNSUBSCRIBE failed: ${String(error)}`));
  }

  private hear(text: string): void {
    try {
      this.listener?.(decodeSchedulerMessage(text));
    } catch (error) {
      this.logger.warn(`a message of the scheduler that makes no sense was dropped: ${String(error)}`);
    }
  }
}
