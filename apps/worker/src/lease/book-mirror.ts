/**
 * What the book of this host said last, and what this worker has done to it since.
 *
 * Owns one copy of the book. Leases and releases of this worker are entered when they are sent: all go over one
 * connection, in order, so that an answer of {@link refresh} holds exactly those sent before it, and those sent later are
 * entered into it again. What other workers do makes the copy stale. A wrong copy does no harm: the book decides.
 */
import type { Amounts, BookState, LeaseBook } from '@function-runner/lease-book';

export class BookMirror {
  private state: BookState | undefined;
  private leased: Record<string, number> = {};
  private stale = true;
  /** Changes that were sent since the reading under way was. */
  private sent: Amounts[] | undefined;

  constructor(private readonly book: Pick<LeaseBook, 'read'>) {}

  /** What is there now, as far as known. @throws when it has never been read */
  get current(): BookState {
    if (this.state === undefined) throw new Error('the book has not been read yet');
    return { ...this.state, leased: this.leased };
  }

  get isStale(): boolean {
    return this.stale;
  }

  /** Somebody else has changed the book. */
  expire(): void {
    this.stale = true;
  }

  /** Enters what is leased now; negative amounts are given back. */
  enter(amounts: Amounts): void {
    this.sent?.push(amounts);
    this.add(amounts);
  }

  /** Reads the book again. */
  async refresh(): Promise<void> {
    this.stale = false;
    const sent: Amounts[] = [];
    this.sent = sent;
    try {
      this.state = await this.book.read();
      this.leased = { ...this.state.leased };
      for (const amounts of sent) this.add(amounts);
    } catch (error) {
      this.stale = true;
      throw error;
    } finally {
      this.sent = undefined;
    }
  }

  private add(amounts: Amounts): void {
    for (const [resource, amount] of Object.entries(amounts)) this.leased[resource] = (this.leased[resource] ?? 0) + amount;
  }
}
