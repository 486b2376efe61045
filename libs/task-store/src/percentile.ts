/**
 * The percentile of some values by nearest rank: the smallest of them that at least so many percent do not exceed, so
 * always one that was seen. Undefined where there are none. @throws RangeError unless `percent` is above 0 and at most 100.
 */
export function percentile(values: readonly number[], percent: number): number | undefined {
  if (!(percent > 0 && percent <= 100)) throw new RangeError(`${percent} is no percentile: it must be above 0 and at most 100`);
  const sorted = [...values].sort((a, b) => a - b);
  // Multiplied first: 0.95 × 60 need not be 57.
  return sorted[Math.ceil((percent * sorted.length) / 100) - 1];
}
