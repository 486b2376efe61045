import { describe, expect, test } from '@jest/globals';
import { parseQualityTier } from './quality-tier.js';

describe('parseQualityTier', () => {
  test.each([['low', 'low'], ['Standard', 'standard'], ['HIGH', 'high'], [' premium ', 'premium']])('%p is %s', (quality, tier) => {
    expect(parseQualityTier(quality)).toEqual({ tier, known: true });
  });

  test.each(['', 'ultra', 'toString', undefined, null])('%p is unknown and counts as standard', (quality) => {
    expect(parseQualityTier(quality)).toEqual({ tier: 'standard', known: false });
  });
});
