/**
 * Tells the queue's story: clients whose tasks wait hear where they stand, why, and for how long; a task that nobody could
 * run is given up in the end. Of all api processes one does it at a time.
 *
 * Owns the loop, and the narration while this process is the narrator. Must stay true: a process narrates only while it
 * holds the lease; nothing that goes wrong ends the loop.
 */
import { Logger } from '@nestjs/common';
import { isRedisFault } from '../redis/redis-fault.js';
import type { Narration } from './narration.js';
import type { NarratorLease } from './narrator-lease.js';

/** Between two rounds, milliseconds: how late news is at most where there is little of it. */
const ROUND_MS = 500;

export class QueueNarrator {
  private readonly logger = new Logger('Narrator');
  private narration: Narration | undefined;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly lease: Pick<NarratorLease, 'hold' | 'letGo'>,
    private readonly begin: () => Narration,
  ) {}

  /** Begins to tell, or to wait for its turn to, until {@link close}. */
  open(): void {
    this.round = this.tell().finally(() => {
      if (!this.closed) this.timer = setTimeout(() => this.open(), ROUND_MS).unref();
    });
  }

  /** Ends it; another process takes over at once. Never throws. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.round;
    if (this.narration === undefined) return;
    this.stepDown();
    await this.lease.letGo().catch((error: unknown) => this.logger.debug(`the narrator's lease runs out by itself: ${String(error)}`));
  }

  /** A turn of the loop. Never throws. */
  private async tell(): Promise<void> {
    try {
      if (await this.lease.hold()) {
        this.narration ??= this.stepUp();
        await this.narration.round();
      } else if (this.narration !== undefined) this.stepDown();
    } catch (error) {
      // Of a Redis that is away the connection speaks.
      if (isRedisFault(error)) this.logger.debug(`the waiting tasks could not be told where they stand: ${String(error)}`);
      else this.logger.error({ msg: 'the waiting tasks could not be told where they stand', err: error });
    }
  }

  private stepUp(): Narration {
    this.logger.log('this process tells waiting tasks where they stand');
    return this.begin();
  }

  private stepDown(): void {
    this.narration?.close();
    this.narration = undefined;
  }
}
