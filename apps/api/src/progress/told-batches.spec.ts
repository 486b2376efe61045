import { expect, test } from '@jest/globals';
import { ToldBatches } from './told-batches.js';

test('a batch ends once for a client, and anew when it has gone on', () => {
  const told = new ToldBatches(2);
  expect(told.has('a')).toBe(false);
  expect([told.tell('a', 3), told.tell('a', 3), told.tell('a', 4), told.tell('a', 4)]).toEqual([true, false, true, false]);
  expect(told.has('a')).toBe(true);
});

test('forgets the oldest beyond its bound', () => {
  const told = new ToldBatches(2);
  for (const batchId of ['a', 'b', 'a', 'c']) told.tell(batchId, 1);
  expect(['a', 'b', 'c'].map((batchId) => told.has(batchId))).toEqual([false, true, true]);
});
