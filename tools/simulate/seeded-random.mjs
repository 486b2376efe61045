// @ts-check
// Chance that repeats itself: the same seed gives the same draws on any machine. Pure but for the generator's own state.

/**
 * @typedef {object} Random
 * @property {() => number} fraction from 0 up to, and never, 1
 * @property {(mean: number) => number} exponential the time to the next of things that happen independently of each other
 * @property {(median: number, sigma: number) => number} lognormal `sigma` is the standard deviation of the logarithm: 0 gives the median always
 * @property {(shares: readonly number[]) => number} pick an index, as often as its share says; an index of share 0 never
 */

/**
 * Mulberry32 (Tommy Ettinger, public domain): 32 bits of state are enough for the some ten thousand draws of a trace.
 * @param {number} seed
 * @returns {Random}
 */
export function seededRandom(seed) {
  let state = seed >>> 0;

  function fraction() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Box and Muller's; its second value is left, so that each call draws the same number of times. */
  const normal = () => Math.sqrt(-2 * Math.log(1 - fraction())) * Math.cos(2 * Math.PI * fraction());

  return {
    fraction,
    exponential: (mean) => -mean * Math.log(1 - fraction()),
    lognormal: (median, sigma) => median * Math.exp(sigma * normal()),
    pick(shares) {
      let left = fraction() * shares.reduce((sum, share) => sum + share, 0);
      for (const [index, share] of shares.entries()) {
        if (left < share) return index;
        left -= share;
      }
      // Only rounding leads here.
      return shares.findLastIndex((share) => share > 0);
    },
  };
}
