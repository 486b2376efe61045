/** The value that so large a fraction of the list does not exceed (nearest rank). undefined for an empty list. */
export function quantile(values: readonly number[], fraction: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * fraction) - 1)];
}
