/** Chance that repeats itself: the same seed and stream give the same draws on any machine. Pure but for its own state. */
import { createHash } from 'node:crypto';

/** Draws of one stream. */
export interface Draws {
  /** From 0 up to, and never, 1. */
  fraction(): number;
  /** A number from `low` up to, and never, `high`. */
  between(low: number, high: number): number;
  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  chance(probability: number): boolean;
  /** One of the list. @throws RangeError where it is empty */
  pick<T>(list: readonly T[]): T;
  /** The list in another order. */
  shuffle<T>(list: readonly T[]): T[];
}

/** Streams of one seed are independent of each other, so that what draws more in one changes nothing in the others. Mulberry32 (Tommy Ettinger, public domain). */
export function seededDraws(seed: number, stream: string): Draws {
  let state = createHash('sha256').update(`${seed}/${stream}`).digest().readUInt32LE(0);

  function fraction(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  const whole = (low: number, high: number): number => low + Math.floor(fraction() * (high - low + 1));
  return {
    fraction,
    between: (low, high) => low + fraction() * (high - low),
    whole,
    chance: (probability) => fraction() < probability,
    pick<T>(list: readonly T[]): T {
      const at = whole(0, list.length - 1);
      if (list.length === 0) throw new RangeError('nothing to pick from');
      return list[at] as T;
    },
    shuffle<T>(list: readonly T[]): T[] {
      return list.map((item) => ({ item, key: fraction() })).sort((a, b) => a.key - b.key).map(({ item }) => item);
    },
  };
}
