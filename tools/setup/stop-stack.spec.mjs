// @ts-check
import { expect, test } from '@jest/globals';
import { createStopStack } from './stop-stack.mjs';
import { Interrupted } from './setup-error.mjs';

test('last started, first stopped; one that fails does not keep the others', async () => {
  const stops = createStopStack();
  /** @type {string[]} */
  const order = [];
  /** @type {string[]} */
  const told = [];
  stops.push({ name: 'redis', stop: () => void order.push('redis') });
  stops.push({ name: 'api', stop: () => Promise.reject(new Error('stuck')) });
  const remove = stops.push({ name: 'gone', stop: () => void order.push('gone') });
  stops.push({ name: 'worker', stop: () => (order.push('worker'), 'worker was killed') });
  remove();
  await Promise.all([stops.stopAll((text) => told.push(text)), stops.stopAll((text) => told.push(text))]);
  expect(order).toEqual(['worker', 'redis']);
  expect(told).toEqual(['worker was killed', 'api did not stop: stuck']);
});

test('what comes after the stop has begun is ended at once', async () => {
  const stops = createStopStack();
  await stops.stopAll(() => undefined);
  let forced = 0;
  expect(() => stops.push({ name: 'late', stop() {}, force: () => void (forced += 1) })).toThrow(Interrupted);
  expect(forced).toBe(1);
});

test('force reaches what is left, last first', () => {
  const stops = createStopStack();
  /** @type {string[]} */
  const order = [];
  for (const name of ['a', 'b']) stops.push({ name, stop() {}, force: () => void order.push(name) });
  stops.forceAll();
  expect(order).toEqual(['b', 'a']);
});
