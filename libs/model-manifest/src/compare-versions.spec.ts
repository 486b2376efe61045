import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareVersions } from './compare-versions.js';

/** Oldest first: the example of semver.org §11, and more. */
const ORDER = [
  '0.9.9', '1.0.0-0', '1.0.0-2', '1.0.0-11', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-alpha.beta', '1.0.0-beta', '1.0.0-beta.2', '1.0.0-beta.11', '1.0.0-rc.1', '1.0.0-rc-1', '1.0.0', '1.0.1', '1.2.0', '1.10.0', '2.0.0-a', '2.0.0', '10.0.0',
];

describe('compareVersions', () => {
  test('orders as semver.org does, whatever the order given', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(ORDER, { minLength: ORDER.length }), (shuffled) => {
        expect([...shuffled].sort(compareVersions)).toEqual(ORDER);
      }),
    );
  });

  test('is antisymmetric, and 0 only for the same version', () => {
    const part = fc.integer({ min: 0, max: 30 });
    const pre = fc.option(fc.array(fc.constantFrom('0', '1', '10', 'a', 'b', 'rc-1'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('.')), { nil: undefined });
    const version = fc.tuple(part, part, part, pre).map(([a, b, c, p]) => `${a}.${b}.${c}${p === undefined ? '' : `-${p}`}`);
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(Math.sign(compareVersions(a, b)) + Math.sign(compareVersions(b, a))).toBe(0);
        expect(compareVersions(a, b) === 0).toBe(a === b);
      }),
    );
  });
});
