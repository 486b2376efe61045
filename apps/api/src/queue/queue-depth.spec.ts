import { expect, test } from '@jest/globals';
import { positionFor, totalDepth } from './queue-depth.js';

test.each([['high', 3], ['normal', 8], ['low', 15]] as const)('a task of priority %s goes in at %d', (priority, position) => {
  expect(positionFor({ high: 2, normal: 5, low: 7 }, priority)).toBe(position);
});

test('the depth is all that waits', () => {
  expect(totalDepth({ high: 2, normal: 5, low: 7 })).toBe(14);
});
