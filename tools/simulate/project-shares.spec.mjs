// @ts-check
import { describe, expect, test } from '@jest/globals';
import { evenShares, jainIndex, shareRatios } from './project-shares.mjs';

describe('evenShares', () => {
  test.each([
    [12, [12, 12], [6, 6]],
    [12, [2, 20], [2, 10]],
    [12, [20, 2], [10, 2]],
    [12, [1, 5, 20], [1, 5, 6]],
    [12, [1, 9, 9], [1, 5.5, 5.5]],
    [12, [3, 4], [3, 4]],
    [12, [0, 30], [0, 12]],
    [12, [], []],
  ])('%d between wants of %j is %j', (capacity, wanted, shares) => expect(evenShares(capacity, wanted)).toEqual(shares));
});

describe('jainIndex', () => {
  test.each([
    [[], 1],
    [[0.4, 0.4, 0.4], 1],
    [[1, 0, 0, 0], 0.25],
    [[1, 3], 0.8],
  ])('of %j is %d', (values, index) => expect(jainIndex(values)).toBeCloseTo(index, 12));
});

describe('shareRatios', () => {
  test('a project that waits while another has everything is below 1, the other one above', () => {
    // Both want 10 of 10 for 10 s. a has it first: while both want, each is entitled to 5, and then b to 10.
    const ratios = shareRatios(10, [
      { projectId: 'a', amount: 10, wantedFrom: 0, heldFrom: 0, until: 10_000 },
      { projectId: 'b', amount: 10, wantedFrom: 0, heldFrom: 10_000, until: 20_000 },
    ]);
    expect(Object.fromEntries(ratios)).toEqual({ a: 100 / 50, b: 100 / 150 });
  });

  test('what one leaves is the others’', () => {
    // a wants 2 of 10 alone, b 8: each has what it wants at once.
    const ratios = shareRatios(10, [
      { projectId: 'a', amount: 2, wantedFrom: 0, heldFrom: 0, until: 5_000 },
      { projectId: 'b', amount: 8, wantedFrom: 1_000, heldFrom: 1_000, until: 9_000 },
    ]);
    expect(Object.fromEntries(ratios)).toEqual({ a: 1, b: 1 });
  });

  test('who wants no device memory is left out', () => {
    expect(shareRatios(10, [{ projectId: 'a', amount: 0, wantedFrom: 0, heldFrom: 5, until: 9 }]).size).toBe(0);
  });
});
