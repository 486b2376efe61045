/**
 * What one api process does for all of them, round after round, while it holds the lease of it.
 *
 * Owns the loop, and the term of office while this process is in it. Must stay true: rounds run only while the lease is held,
 * one after the other; nothing that goes wrong ends the loop.
 */
import { Logger } from '@nestjs/common';
import { isRedisFault } from '../redis/redis-fault.js';
import type { DutyLease } from './duty-lease.js';

/** A process's time in office: made when it takes the duty over, thrown away when it is no longer its. */
export interface Term {
  round(): Promise<void>;
  close(): void;
}

export interface DutyOptions {
  /** Who speaks in the log. */
  name: string;
  /** Between two rounds, milliseconds. */
  roundMs: number;
  /** What the process does from now on, for the log: "this process …". */
  does: string;
  /** What did not happen when a round fails, for the log. */
  failure: string;
}

export abstract class Duty {
  private readonly logger: Logger;
  private term: Term | undefined;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;
  private closed = false;

  protected constructor(
    private readonly lease: Pick<DutyLease, 'hold' | 'letGo'>,
    private readonly begin: () => Term,
    private readonly options: DutyOptions,
  ) {
    this.logger = new Logger(options.name);
  }

  /** Begins to do it, or to wait for its turn to, until {@link close}. */
  open(): void {
    this.round = this.turn().finally(() => {
      if (!this.closed) this.timer = setTimeout(() => this.open(), this.options.roundMs).unref();
    });
  }

  /** Ends it; another process takes over at once. Never throws. */
  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.round;
    if (this.term === undefined) return;
    this.stepDown();
    await this.lease.letGo().catch((error: unknown) => this.logger.debug(`the lease runs out by itself: ${String(error)}`));
  }

  /** A turn of the loop. Never throws. */
  private async turn(): Promise<void> {
    try {
      if (await this.lease.hold()) {
        this.term ??= this.stepUp();
        await this.term.round();
      } else if (this.term !== undefined) this.stepDown();
    } catch (error) {
      // Of a Redis that is away the connection speaks.
      if (isRedisFault(error)) this.logger.debug(`${this.options.failure}: ${String(error)}`);
      else this.logger.error({ msg: this.options.failure, err: error });
    }
  }

  private stepUp(): Term {
    this.logger.log(`this process ${this.options.does}`);
    return this.begin();
  }

  private stepDown(): void {
    this.term?.close();
    this.term = undefined;
  }
}
