// @ts-check
import { describe, expect, test } from '@jest/globals';
import { median, pairedRatio, percentile, rounded } from './statistics.mjs';

describe('percentile', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  test.each([
    [hundred, 50, 50],
    [hundred, 99, 99],
    [hundred, 100, 100],
    [hundred, 0, 1],
    [[7], 50, 7],
    [[7], 99, 7],
    [[1, 2, 3, 4], 50, 2],
    [[1, 2, 3, 4], 51, 3],
    [[10, 9, 100], 99, 100],
  ])('of %j at %d is %d', (values, percent, expected) => expect(percentile(values, percent)).toBe(expected));

  test('leaves its input as it was', () => {
    const values = [3, 1, 2];
    percentile(values, 50);
    expect(values).toEqual([3, 1, 2]);
  });

  test('of nothing is NaN', () => expect(percentile([], 50)).toBeNaN());
});

describe('median', () => {
  test.each([
    [[5], 5],
    [[4, 1], 2.5],
    [[9, 1, 5], 5],
    // Numbers, not texts: 10 comes after 9.
    [[10, 9, 8], 9],
    [[1, 1, 100, 1000], 50.5],
  ])('of %j is %d', (values, expected) => expect(median(values)).toBe(expected));

  test('of nothing is NaN', () => expect(median([])).toBeNaN());
});

describe('pairedRatio', () => {
  test('is unmoved by a disturbance that both of a pair suffer', () => expect(pairedRatio([80, 8, 80], [100, 10, 100])).toBeCloseTo(0.8));
  test('is unmoved by one pair that a disturbance split', () => expect(pairedRatio([80, 20, 80], [100, 100, 100])).toBeCloseTo(0.8));
  test('refuses what is no pairs', () => expect(() => pairedRatio([1], [1, 2])).toThrow(RangeError));
});

test('rounded', () => {
  expect(rounded(1.005)).toBe(1);
  expect(rounded(1.236)).toBe(1.24);
  expect(rounded(812.6, 0)).toBe(813);
});
