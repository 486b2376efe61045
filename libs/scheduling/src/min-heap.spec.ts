import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MinHeap } from './min-heap.js';

const before = (a: number, b: number): boolean => a < b;

describe('MinHeap', () => {
  test('gives what is in it in order, whether put in at once or one by one', () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.array(fc.integer()), (atOnce, later) => {
        const heap = new MinHeap(before, atOnce);
        for (const item of later) heap.push(item);
        expect([...heap].sort((a, b) => a - b)).toEqual([...atOnce, ...later].sort((a, b) => a - b));
        const out: number[] = [];
        for (let item = heap.pop(); item !== undefined; item = heap.pop()) {
          out.push(item);
          expect(heap.size).toBe(atOnce.length + later.length - out.length);
        }
        expect(out).toEqual([...atOnce, ...later].sort((a, b) => a - b));
      }),
    );
  });

  test('looks at the first without taking it', () => {
    const heap = new MinHeap(before, [3, 1, 2]);
    expect([heap.peek(), heap.peek(), heap.pop(), heap.peek()]).toEqual([1, 1, 1, 2]);
    expect(new MinHeap(before).peek()).toBeUndefined();
    expect(new MinHeap(before).pop()).toBeUndefined();
  });

  test('does not touch the list that it was made of', () => {
    const given = [3, 1, 2];
    new MinHeap(before, given).pop();
    expect(given).toEqual([3, 1, 2]);
  });
});
