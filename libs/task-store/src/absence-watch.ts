import { WORKER_BEAT_MS } from './worker-registry.js';

/** A living worker speaks every second and renews every 1.25 s, and reconnects within a second of Redis being back. */
const LASTS_MS = 3 * WORKER_BEAT_MS;

/** Looks are made every second; one that is late says that something was away. */
const MOST_BETWEEN_LOOKS_MS = 2500;

/**
 * Tells what is really gone from what was away for a moment.
 *
 * What keeps itself alive in Redis (a lock, a worker's word) is missing there once its owner is dead, but also for a moment
 * after Redis itself was away and the owner has not spoken again. So what is missing is believed to be gone only after it
 * was missing in each of several looks, all answered, over a while. Owns since when each has been missing. Must stay true:
 * after looks that were not answered, or not made, everything is looked at anew. Pure but for what it remembers.
 */
export class AbsenceWatch {
  private readonly since = new Map<string, number>();
  private lookedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly options: {
      /** For how long something must have been missing, milliseconds: long enough for an owner that lives to speak again. */
      lastsMs: number;
      /** Answered looks further apart than this, milliseconds, say nothing about the time between. */
      mostBetweenLooksMs: number;
    } = { lastsMs: LASTS_MS, mostBetweenLooksMs: MOST_BETWEEN_LOOKS_MS },
  ) {}

  /** One answered look: all that was missing in it, and when, milliseconds of the monotonic clock. Returns what is gone by now. */
  look(missing: Iterable<string>, now: number): string[] {
    if (now - this.lookedAt > this.options.mostBetweenLooksMs) this.since.clear();
    this.lookedAt = now;
    const still = new Set(missing);
    for (const name of this.since.keys()) if (!still.has(name)) this.since.delete(name);
    for (const name of still) if (!this.since.has(name)) this.since.set(name, now);
    return [...still].filter((name) => this.isGone(name));
  }

  /** Whether it was gone in the last look. */
  isGone(name: string): boolean {
    const since = this.since.get(name);
    return since !== undefined && this.lookedAt - since >= this.options.lastsMs;
  }
}
