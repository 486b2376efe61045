// @ts-check
// The arithmetic of the figures. Pure.

/**
 * By nearest rank: a value that was measured, never one between two.
 * @param {readonly number[]} values
 * @param {number} percent 0–100
 * @returns {number} NaN for no values
 */
export function percentile(values, percent) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? NaN;
}

/**
 * @param {readonly number[]} values
 * @returns {number} NaN for no values
 */
export function median(values) {
  if (values.length === 0) return NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

/**
 * The median of `product[i] / floor[i]`, where both of a pair were measured one right after the other: whatever else the
 * machine did then slowed both, and drops out.
 * @param {readonly number[]} product
 * @param {readonly number[]} floor
 */
export function pairedRatio(product, floor) {
  if (product.length !== floor.length) throw new RangeError(`${product.length} and ${floor.length} rounds are no pairs`);
  return median(product.map((value, index) => value / (floor[index] ?? NaN)));
}

/**
 * @param {number} value
 * @param {number} [digits]
 */
export const rounded = (value, digits = 2) => Number(value.toFixed(digits));
