// @ts-check
import { describe, expect, test } from '@jest/globals';
import { plainTrace } from './plain-trace.fixture.mjs';
import { readTrace } from './read-trace.mjs';
import { runTrace } from './run-trace.mjs';
import { simulationFigures } from './simulation-figures.mjs';
import { POLICIES } from './simulation-policies.mjs';
import { comparison, traceReport } from './simulation-report.mjs';

const run = { ...runTrace(readTrace(plainTrace(), 'x.json'), POLICIES), seconds: 0.25 };
const ours = run.policies.ours;

describe('comparison', () => {
  /** @param {number} p95Ms @param {number} utilisation @returns {import('./run-trace.mjs').PolicyRun} */
  const runWith = (p95Ms, utilisation) => {
    if (ours === undefined) throw new Error('no run');
    return { ...ours, utilisation, wait: { ...ours.wait, p95Ms } };
  };
  test.each([
    [runWith(80, 0.5), true, 'yes: p95 wait -20 %, utilisation 50.0 to 50.0 %'],
    [runWith(80, 0.6), true, 'yes: p95 wait -20 %, utilisation 60.0 to 50.0 %'],
    // As equal as the table shows it.
    [runWith(80, 0.49951), true, 'yes: p95 wait -20 %, utilisation 50.0 to 50.0 %'],
    [runWith(80, 0.499), false, '**no**: p95 wait -20 %, utilisation 49.9 to 50.0 %'],
    [runWith(100, 0.6), false, '**no**: p95 wait 0 %, utilisation 60.0 to 50.0 %'],
    [runWith(130, 0.6), false, '**no**: p95 wait +30 %, utilisation 60.0 to 50.0 %'],
  ])('case %#', (mine, isBetter, text) => expect(comparison(mine, runWith(100, 0.5))).toEqual({ isBetter, text }));
});

test('a report says what was run, and every policy’s figures', () => {
  const text = traceReport(run).join('\n');
  expect(text).toMatch(/plain: of a spec\n4 tasks, simulated in 0.25 s/);
  for (const title of ['bound', 'ours', 'FIFO per tier', 'first fit']) expect(text).toContain(`\n${title} `);
  expect(text).toMatch(/ours beats FIFO .*: no: p95 wait 0 %/);
});

test('figures say their units', () => {
  const { tasks, seconds, plain } = simulationFigures([run]);
  expect({ tasks, seconds }).toEqual({ tasks: 12, seconds: 0.25 });
  expect(plain).toMatchObject({ tasks: 4, seconds: 0.25, boundMakespanSeconds: 27.5, oursP95WaitSeconds: 26, fifoP95WaitSeconds: 26, firstFitMakespanSeconds: 37, oursUtilisationRatio: 0.7432, oursLowP95WaitSeconds: 4, oursHighMaxWaitSeconds: 26, oursOvertakenCount: 2 });
});
