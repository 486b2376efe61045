import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sequenceStep } from './sequence.js';

describe('sequenceStep', () => {
  test.each([[0, 1, 'next'], [4, 5, 'next'], [4, 4, 'seen'], [4, 1, 'seen'], [4, 6, 'gap'], [0, 2, 'gap']] as const)('after %i, %i is %s', (last, seq, step) => {
    expect(sequenceStep(last, seq)).toBe(step);
  });

  test('a reader that follows it and asks again at a gap sees every event once, in order, whatever is lost, doubled or late', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 120 }), (total, deliveries) => {
        const seen: number[] = [];
        const arrive = (seq: number): void => {
          const step = sequenceStep(seen.length, seq);
          if (step === 'next') seen.push(seq);
          // The log holds what was missed, up to what has just arrived.
          if (step === 'gap') for (let missed = seen.length + 1; missed <= seq; missed += 1) arrive(missed);
        };
        for (const seq of deliveries) if (seq <= total) arrive(seq);
        arrive(total);
        expect(seen).toEqual(Array.from({ length: total }, (_, i) => i + 1));
      }),
    );
  });
});
