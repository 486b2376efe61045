/**
 * Hears the events of projects.
 *
 * Owns the projects' channels of the subscriber connection. What must stay true: a channel is subscribed as long as somebody holds
 * its project, and a short while longer, so that a client that starts one task after another does not cost two
 * commands a task; after every loss of the connection `onGap` is called once the channels are subscribed again,
 * since pub/sub drops what a cut-off subscriber missed.
 */
import { Logger } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { projectChannel } from '@function-runner/progress-protocol';
import { TaskError } from '@function-runner/task-contract';
import { withinTime } from './within-time.js';

/** How long a channel outlives its last holder, milliseconds. */
const LINGER_MS = 2_000;

/** How often the connection is tried, and how long an answer may take: a peer that vanished sends no farewell. */
const PING_EVERY_MS = 10_000;
const PING_TIMEOUT_MS = 5_000;

/** What the names of our channels begin with; others share the connection. */
const PROJECT_CHANNELS = projectChannel('');

interface Channel {
  holders: number;
  ready: boolean;
  subscribed: Promise<void>;
  linger: NodeJS.Timeout | undefined;
}

export interface FeedListener {
  onMessage: (text: string) => void;
  /** Messages may have been lost since `since` (milliseconds since the epoch); they are in the logs. */
  onGap: (since: number) => void;
}

export class EventFeed {
  private readonly logger = new Logger('Feed');
  private readonly channels = new Map<string, Channel>();
  private listener: FeedListener | undefined;
  /** When the connection was lost; undefined while nothing is missed, or its listener knows of the gap. */
  private lostAt: number | undefined;
  private readonly waitingForWhole: (() => void)[] = [];
  private pinger: NodeJS.Timeout | undefined;

  constructor(private readonly redis: Redis) {}

  /** Starts to listen. Call once. */
  open(listener: FeedListener): void {
    this.listener = listener;
    this.redis.on('message', (channel: string, text: string) => {
      if (channel.startsWith(PROJECT_CHANNELS)) listener.onMessage(text);
    });
    this.redis.on('close', () => (this.lostAt ??= Date.now()));
    this.redis.on('ready', () => void this.recover());
    this.pinger = setInterval(() => void this.ping(), PING_EVERY_MS).unref();
  }

  /** Holds a project's channel; pair with {@link release}. */
  hold(projectId: string): void {
    const channel = this.channels.get(projectId) ?? this.subscribe(projectId);
    clearTimeout(channel.linger);
    channel.holders += 1;
  }

  /**
   * Resolves once every further event of a held project will be heard.
   * @throws TaskError UNAVAILABLE when Redis does not answer in time; it goes on trying
   */
  async heard(projectId: string): Promise<void> {
    const channel = this.channels.get(projectId);
    // Redis refused it (see `subscribe`); once all its holders have let go, the next one tries anew.
    if (channel === undefined) throw new TaskError('UNAVAILABLE', 'the events of the project cannot be heard now; try again in a moment');
    if (!channel.ready) await withinTime(channel.subscribed);
  }

  /**
   * Resolves when everything that was published before the call has come to the listener: Redis answers on this
   * connection after what it has sent on it.
   * @throws TaskError UNAVAILABLE when Redis does not answer in time
   */
  async caughtUp(): Promise<void> {
    await withinTime(this.redis.ping());
  }

  /** Whether messages may be lost of which the listener has not been told yet. */
  get hasOpenGap(): boolean {
    return this.lostAt !== undefined;
  }

  /**
   * Resolves once the listener has been told of every gap there is.
   * @throws TaskError UNAVAILABLE when Redis does not come back in time
   */
  async whole(): Promise<void> {
    if (this.lostAt !== undefined) await withinTime(new Promise<void>((resolve) => this.waitingForWhole.push(resolve)));
  }

  release(projectId: string): void {
    const channel = this.channels.get(projectId);
    if (channel === undefined) return;
    channel.holders -= 1;
    if (channel.holders > 0) return;
    channel.linger = setTimeout(() => {
      this.channels.delete(projectId);
      this.redis.unsubscribe(projectChannel(projectId)).catch((error: unknown) => this.logger.debug(`UNSUBSCRIBE failed: ${String(error)}`));
    }, LINGER_MS).unref();
  }

  close(): void {
    clearInterval(this.pinger);
    for (const { linger } of this.channels.values()) clearTimeout(linger);
    this.channels.clear();
    this.listener = undefined;
  }

  private subscribe(projectId: string): Channel {
    const channel: Channel = { holders: 0, ready: false, subscribed: Promise.resolve(), linger: undefined };
    channel.subscribed = this.redis.subscribe(projectChannel(projectId)).then(
      () => void (channel.ready = true),
      (error: unknown) => {
        // Redis refused (ioredis sits out a lost connection by itself); the next holder tries anew.
        this.logger.error(`the channel of the project ${projectId} could not be subscribed: ${String(error)}`);
        if (this.channels.get(projectId) === channel) this.channels.delete(projectId);
        throw new TaskError('UNAVAILABLE', 'Redis refused to be listened to; its operator finds why in the log of the api', undefined, { cause: error });
      },
    );
    // It may be that nobody waits; the error is logged above.
    channel.subscribed.catch(() => undefined);
    this.channels.set(projectId, channel);
    return channel;
  }

  /** After a reconnect: subscribes by itself what is held, and only then says that there is a gap. */
  private async recover(): Promise<void> {
    const since = this.lostAt;
    if (since === undefined) return;
    const names = [...this.channels.keys()].map(projectChannel);
    try {
      if (names.length > 0) await this.redis.subscribe(...names);
    } catch (error) {
      // Lost again; the next `ready` comes here once more, with `lostAt` still set.
      this.logger.warn(`the channels could not be subscribed again: ${String(error)}`);
      return;
    }
    this.lostAt = undefined;
    this.logger.log(`${names.length} projects are heard again`);
    this.listener?.onGap(since);
    for (const wake of this.waitingForWhole.splice(0)) wake();
  }

  private async ping(): Promise<void> {
    if (this.redis.status !== 'ready') return;
    try {
      await withinTime(this.redis.ping(), PING_TIMEOUT_MS);
    } catch (error) {
      this.logger.warn(`the subscriber connection does not answer (${String(error)}); connecting again`);
      this.redis.disconnect(true);
    }
  }
}
