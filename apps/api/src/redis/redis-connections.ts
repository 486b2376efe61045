/**
 * Owns the connections to Redis of this process.
 *
 * `request` carries every command that a client waits for, BullMQ's too, so that commands of one moment share a round
 * trip; it fails within a second. `background` carries the rest, so that the large answers to it hold up nobody; it fails
 * as soon. `subscriber` carries pub/sub alone. All are closed here, at the very end. Whether this Redis may be trusted with
 * tasks is looked at over `background`, and logged where it changes.
 */
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { connectRedis, redisFault, RedisFitness } from '@function-runner/task-store';
import type { ApiConfig } from '../config/read-config.js';
import { RedisPatience } from './redis-patience.js';

/** While Redis is away every attempt to reconnect fails: one line in the log per this time is enough. */
const QUIET_MS = 5_000;

export class RedisConnections {
  readonly request: Redis;
  readonly background: Redis;
  readonly subscriber: Redis;
  readonly fitness: RedisFitness;
  readonly requestPatience: RedisPatience;
  readonly backgroundPatience: RedisPatience;
  private readonly logger = new Logger('Redis');
  private lastLogged = -Infinity;

  constructor({ redisUrl: url, allowNoPersistence }: Pick<ApiConfig, 'redisUrl' | 'allowNoPersistence'>) {
    this.request = connectRedis(url, 'request', (error) => this.report(error));
    this.background = connectRedis(url, 'request', (error) => this.report(error));
    this.subscriber = connectRedis(url, 'subscriber', (error) => this.report(error));
    this.requestPatience = new RedisPatience(this.request);
    this.backgroundPatience = new RedisPatience(this.background);
    this.fitness = new RedisFitness(this.background, { allowNoPersistence: allowNoPersistence === 'true' });
    this.fitness.onChange(({ up, facts }) => (up ? this.logger.log('Redis keeps what it is told; tasks are accepted') : this.logger.error(`tasks are refused: ${facts['message']}`)));
    // BullMQ's four queues listen on the connection, each for several events.
    this.request.setMaxListeners(50);
  }

  /** Hangs up; commands under way fail. */
  close(): void {
    this.fitness.close();
    this.request.disconnect();
    this.background.disconnect();
    this.subscriber.disconnect();
  }

  private report(error: Error): void {
    const now = performance.now();
    if (now - this.lastLogged < QUIET_MS) return;
    this.lastLogged = now;
    this.logger.warn(`Redis cannot be used: ${redisFault(error)?.sentence ?? (error.message || String(error))}; connecting again by itself`);
  }
}
