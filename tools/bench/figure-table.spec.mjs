// @ts-check
import { describe, expect, test } from '@jest/globals';
import { aimText, tableLines } from './figure-table.mjs';

describe('aimText', () => {
  /** @type {[number, import('./figure-table.mjs').Aim, string, string][]} */
  const cases = [
    [1.5, { atMost: 1.5 }, '', 'aim <= 1.5: met'],
    [1.51, { atMost: 1.5 }, '', 'aim <= 1.5: MISSED'],
    [0.7, { atLeast: 0.7 }, '', 'aim >= 0.7: met'],
    [0.69, { atLeast: 0.7 }, '', 'aim >= 0.7: MISSED'],
    [16, { atMost: 15 }, 'ms', 'aim <= 15 ms: MISSED'],
    [NaN, { atMost: 15 }, 'ms', 'aim <= 15 ms: MISSED'],
  ];
  test.each(cases)('%d against %j', (value, aim, unit, text) => expect(aimText(value, aim, unit)).toBe(text));
});

test('a table is aligned', () => {
  expect(tableLines([['', 'floor', 'product', ''], ['tasks/s', '1000', '7', 'aim'], ['ack', '1.25', '100.5', '']])).toEqual([
    '         floor  product',
    '-----------------------------',
    'tasks/s   1000        7  aim',
    'ack       1.25    100.5',
  ].map((line, index) => (index === 1 ? '-'.repeat(28) : line)));
});
