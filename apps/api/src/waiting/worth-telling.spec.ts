import { describe, expect, test } from '@jest/globals';
import { isWorthTelling, type Standing, type Told } from './worth-telling.js';

const NOW = 100_000;
const STANDING: Standing = { position: 5, etaSeconds: undefined, step: 'waiting for 24 GiB on host A' };

/** Told the same, so long ago. */
function told(changes: Partial<Told> = {}, ago = 1000): Told {
  return { ...STANDING, times: 1, at: NOW - ago, ...changes };
}

describe('isWorthTelling', () => {
  test.each<[string, Partial<Standing>, Told | undefined, boolean]>([
    ['nothing was told yet', {}, undefined, true],
    ['nothing has changed', {}, told(), false],
    ['another reason', { step: 'next in line' }, told(), true],
    ['another reason, told a moment ago', { step: 'next in line' }, told({}, 999), false],
    ['a step forward among the first ten', { position: 4 }, told(), true],
    ['a step into the first ten', { position: 10 }, told({ position: 11 }), true],
    ['a step forward further back', { position: 99 }, told({ position: 100 }), false],
    ['a tenth of the way', { position: 90 }, told({ position: 100 }), true],
    ['a step back', { position: 6 }, told(), false],
    ['an estimate where there was none', { etaSeconds: 60 }, told(), true],
    ['none where there was one', {}, told({ etaSeconds: 60 }), true],
    ['the estimate runs down as a clock does', { etaSeconds: 30 }, told({ etaSeconds: 60 }, 30_000), false],
    ['the estimate stands still', { etaSeconds: 60 }, told({ etaSeconds: 60 }, 30_000), true],
    ['a fifth more, and more than five seconds', { etaSeconds: 75 }, told({ etaSeconds: 60 }), true],
    ['a little more', { etaSeconds: 65 }, told({ etaSeconds: 60 }), false],
    ['twice as much, which is four seconds', { etaSeconds: 8 }, told({ etaSeconds: 5 }), false],
    ['seven seconds less of many', { etaSeconds: 92 }, told({ etaSeconds: 100 }), false],
    ['it has run down and nothing started', { etaSeconds: 4 }, told({ etaSeconds: 1 }, 60_000), false],
    ['it has run down, and there is long to wait again', { etaSeconds: 40 }, told({ etaSeconds: 1 }, 60_000), true],
  ])('%s', (_what, changes, before, worth) => {
    expect(isWorthTelling({ ...STANDING, ...changes }, before, NOW)).toBe(worth);
  });

  test.each([[1, 1000], [15, 1980], [50, 10_921], [200, 16_469_000]])('after %d events the next one waits at least %d ms', (times, pause) => {
    const change = { ...STANDING, step: 'next in line' };
    expect(isWorthTelling(change, told({ times }, pause * 0.99), NOW)).toBe(false);
    expect(isWorthTelling(change, told({ times }, pause * 1.01), NOW)).toBe(true);
  });
});
