// @ts-check
import { describe, expect, test } from '@jest/globals';
import { seededRandom } from './seeded-random.mjs';

/** @param {number} count @param {() => number} draw */
const draws = (count, draw) => Array.from({ length: count }, draw);

describe('seededRandom', () => {
  test('draws what Mulberry32 draws', () => {
    // Of the published C code, for the seed 1.
    expect(draws(3, seededRandom(1).fraction).map((value) => Math.round(value * 2 ** 32))).toEqual([2693262067, 11749833, 2265367787]);
  });

  test('repeats itself for a seed and differs between seeds', () => {
    expect(draws(50, seededRandom(7).fraction)).toEqual(draws(50, seededRandom(7).fraction));
    expect(draws(50, seededRandom(7).fraction)).not.toEqual(draws(50, seededRandom(8).fraction));
  });

  test('an exponential draw has its mean and is never negative', () => {
    const random = seededRandom(3);
    const values = draws(20_000, () => random.exponential(40));
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(40, -1);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
  });

  test('a lognormal draw has its median, and is the median where nothing is spread', () => {
    const random = seededRandom(4);
    const values = draws(20_001, () => random.lognormal(60, 0.5)).sort((a, b) => a - b);
    expect(values[10_000]).toBeCloseTo(60, -1);
    expect(values[0]).toBeGreaterThan(0);
    expect(draws(5, () => random.lognormal(60, 0))).toEqual([60, 60, 60, 60, 60]);
  });

  test('picks by share, and nothing of no share', () => {
    const random = seededRandom(5);
    const picked = draws(10_000, () => random.pick([3, 0, 1]));
    expect(picked).not.toContain(1);
    expect(picked.filter((index) => index === 0).length / picked.length).toBeCloseTo(0.75, 1);
  });
});
