import { describe, expect, test } from '@jest/globals';
import { percentile } from './percentile.js';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe('percentile', () => {
  test.each<[string, readonly number[], number, number | undefined]>([
    ['none', [], 95, undefined],
    ['the only one, low', [7], 1, 7],
    ['the only one, high', [7], 100, 7],
    ['the lower of two in the middle', [1, 2], 50, 1],
    ['the middle one of three', [1, 2, 3], 50, 2],
    ['what is just above a rank', [1, 2, 3], 67, 3],
    ['values in any order', [9, 1, 5], 50, 5],
    ['as numbers, not as texts', [10, 9, 100], 50, 10],
    ['values more than once', [4, 4, 4, 9], 75, 4],
    ['the highest of few', upTo(19), 95, 19],
    ['the last but one of twenty', upTo(20), 95, 19],
    ['57 of sixty', upTo(60), 95, 57],
    ['61 of sixty-four', upTo(64), 95, 61],
    ['the highest of many', upTo(64), 100, 64],
  ])('%s', (_, values, percent, expected) => {
    expect(percentile(values, percent)).toBe(expected);
  });

  // As the ranks are defined: at least so many percent do not exceed it, and of no smaller value that is true.
  test('is the smallest value that suffices, whatever the number of values', () => {
    for (let count = 1; count <= 64; count += 1) {
      for (const percent of [1, 33, 50, 90, 95, 99, 100]) {
        const found = percentile(upTo(count), percent) ?? 0;
        expect(found * 100).toBeGreaterThanOrEqual(percent * count);
        expect((found - 1) * 100).toBeLessThan(percent * count);
      }
    }
  });

  test('leaves the values as they are', () => {
    const values = Object.freeze([3, 1, 2]);
    expect(percentile(values, 50)).toBe(2);
    expect(values).toEqual([3, 1, 2]);
  });

  test.each([0, -5, 101, Number.NaN])('refuses %d percent', (percent) => {
    expect(() => percentile([1], percent)).toThrow(new RangeError(`${percent} is no percentile: it must be above 0 and at most 100`));
  });
});
