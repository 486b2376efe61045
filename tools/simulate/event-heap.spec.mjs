// @ts-check
import { describe, expect, test } from '@jest/globals';
import { EventHeap } from './event-heap.mjs';
import { seededRandom } from './seeded-random.mjs';

/** @param {EventHeap<unknown>} heap */
function takeAll(heap) {
  const taken = [];
  while (heap.size > 0) taken.push(heap.take());
  return taken;
}

describe('EventHeap', () => {
  test('gives events by time, and those of one time in the order in which they came', () => {
    /** @type {EventHeap<string>} */
    const heap = new EventHeap();
    for (const [at, event] of /** @type {const} */ ([[5, 'e'], [1, 'a'], [5, 'f'], [3, 'c'], [1, 'b'], [3, 'd'], [5, 'g']])) heap.put(at, event);
    expect(heap.nextAt).toBe(1);
    expect(takeAll(heap)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  });

  test('sorts as a stable sort does, with puts and takes in turn', () => {
    const random = seededRandom(11);
    /** @type {EventHeap<{ at: number, id: number }>} */
    const heap = new EventHeap();
    /** @type {{ at: number, id: number }[]} */
    const waiting = [];
    for (let id = 0; id < 2_000; id += 1) {
      const event = { at: Math.floor(random.fraction() * 50), id };
      heap.put(event.at, event);
      waiting.push(event);
      if (random.fraction() < 0.6) continue;
      waiting.sort((a, b) => a.at - b.at || a.id - b.id);
      expect(heap.take()).toEqual(waiting.shift());
    }
    expect(takeAll(heap)).toEqual(waiting.sort((a, b) => a.at - b.at || a.id - b.id));
  });

  test('of nothing gives nothing', () => {
    const heap = new EventHeap();
    expect([heap.size, heap.nextAt, heap.take(), heap.size]).toEqual([0, undefined, undefined, 0]);
  });
});
