import { describe, expect, test } from '@jest/globals';
import { amountTexts } from './amounts.js';

describe('amountTexts', () => {
  test.each([
    [{}, []],
    [{ cpu: 1500, memory: 0 }, [['cpu', '1500'], ['memory', '0']]],
    [{ 'gpu:a': 2 ** 50 + 1 }, [['gpu:a', '1125899906842625']]],
    [{ 'gpu:a': Number.MAX_SAFE_INTEGER }, [['gpu:a', '9007199254740991']]],
  ])('%j', (amounts, texts) => {
    expect(amountTexts(amounts)).toEqual(texts);
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('refuses %d', (amount) => {
    expect(() => amountTexts({ cpu: 1, memory: amount })).toThrow(new RangeError(`${amount} of memory is no amount: it must be a whole number from 0 to 2^53 - 1`));
  });
});
