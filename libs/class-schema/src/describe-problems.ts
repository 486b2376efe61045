import type { Problem } from './problem.js';

/** Problems as lines for a person: `tiers.low.max_concurrent: must not be less than 1 (found 0)`. */
export function describeProblems(problems: readonly Problem[], prefix = ''): string {
  return problems
    .map(({ path, message, value }) => {
      const place = [prefix, path].filter((part) => part !== '').join('.') || 'value';
      return `${place}: ${message}${value === undefined ? '' : ` (found ${value})`}`;
    })
    .join('\n');
}
