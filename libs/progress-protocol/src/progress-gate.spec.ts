import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { gateProgress, type GateState, type ProgressReport } from './progress-gate.js';

const first: GateState = { progress: 0, step: 'preparing', passedAt: Number.NEGATIVE_INFINITY, passed: 0 };

describe('gateProgress', () => {
  test.each<[string, Partial<GateState>, ProgressReport, number, number, unknown]>([
    ['the first report', {}, { progress: 1, step: 'tiles' }, 0, 20, { pass: 'now' }],
    ['one too early', { passedAt: 1000 }, { progress: 1, step: 'tiles' }, 1010, 20, { pass: 'at', time: 1050 }],
    ['one in time', { passedAt: 1000 }, { progress: 1, step: 'tiles' }, 1050, 20, { pass: 'now' }],
    ['a repetition', { passedAt: 0 }, { progress: 0, step: 'preparing' }, 9999, 20, { pass: 'never' }],
    ['another step alone', { passedAt: 0 }, { progress: 0, step: 'tiles' }, 9999, 20, { pass: 'now' }],
    ['one without a limit', { passedAt: 1000 }, { progress: 1, step: 'x' }, 1000, 0, { pass: 'now' }],
    ['one of a very long run', { passedAt: 1000, passed: 1000 }, { progress: 1, step: 'x' }, 1100, 20, { pass: 'at', time: 2000 }],
  ])('%s', (_what, last, next, now, perSecond, decision) => {
    expect(gateProgress({ ...first, ...last }, next, now, perSecond)).toEqual(decision);
  });

  test('whoever follows it passes on a progress that never falls, no faster than allowed, and ends on the latest report', () => {
    const reports = fc.array(fc.record({ after: fc.integer({ min: 0, max: 120 }), progress: fc.double({ min: 0, max: 100, noNaN: true }) }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(reports, fc.integer({ min: 1, max: 50 }), (given, perSecond) => {
        let last = first;
        let waiting: { report: ProgressReport; due: number } | undefined;
        let now = 0;
        const out: { at: number; progress: number }[] = [];
        const pass = (report: ProgressReport, at: number): void => {
          last = { ...report, passedAt: at, passed: last.passed + 1 };
          out.push({ at, progress: report.progress });
        };
        const settle = (until: number): void => {
          if (waiting === undefined || waiting.due > until) return;
          pass(waiting.report, waiting.due);
          waiting = undefined;
        };
        let highest = 0;
        for (const { after, progress } of given) {
          now += after;
          settle(now);
          highest = Math.max(highest, progress);
          const next = { progress: highest, step: 'tiles' };
          const decision = gateProgress(last, next, now, perSecond);
          if (decision.pass === 'now') pass(next, now);
          if (decision.pass === 'at') waiting = { report: next, due: decision.time };
        }
        settle(Number.POSITIVE_INFINITY);
        expect(out.at(-1)?.progress ?? 0).toBe(highest);
        out.slice(1).forEach(({ at, progress }, index) => {
          const before = out[index] ?? { at: 0, progress: 0 };
          expect(progress).toBeGreaterThanOrEqual(before.progress);
          expect(at - before.at).toBeGreaterThanOrEqual(1000 / perSecond - 1e-6);
        });
      }),
    );
  });
});
