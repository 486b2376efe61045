import { describe, expect, test } from '@jest/globals';
import { memoryBytes } from './memory-size.js';

describe('memoryBytes', () => {
  test.each([['512Mi', 536_870_912], ['1Gi', 1_073_741_824], ['16Gi', 17_179_869_184]])('%s is %i', (size, bytes) => {
    expect(memoryBytes(size)).toBe(bytes);
  });

  test.each(['', '0Mi', '16', '16GB', '1.5Gi', '-1Gi', '16 Gi', '16gi', '9999999Mi', '1Gi\n'])('%p is no size', (size) => {
    expect(() => memoryBytes(size)).toThrow(RangeError);
  });
});
