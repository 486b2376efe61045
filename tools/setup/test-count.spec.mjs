// @ts-check
import { describe, expect, test } from '@jest/globals';
import { closingLine, createTestCount, testsLine } from './test-count.mjs';

describe('testsLine', () => {
  test.each([
    ['Tests:       33 passed, 33 total', { passed: 33, failed: 0 }],
    ['Tests:       1 failed, 2 skipped, 30 passed, 33 total', { passed: 30, failed: 1 }],
    ['Tests:       4 failed, 4 total', { passed: 0, failed: 4 }],
    ['Tests:       1 todo, 2 passed, 3 total', { passed: 2, failed: 0 }],
    ['Tests:       0 total', { passed: 0, failed: 0 }],
    ['\u001b[1mTests:       \u001b[22m\u001b[1m\u001b[31m1 failed\u001b[39m\u001b[22m, \u001b[1m\u001b[32m2 passed\u001b[39m\u001b[22m, 3 total', { passed: 2, failed: 1 }],
    ['\u001b[36mtask-store:\u001b[39m Tests:       5 passed, 5 total\r', { passed: 5, failed: 0 }],
  ])('%j', (line, counts) => expect(testsLine(line)).toEqual(counts));

  test.each(['Test Suites: 1 failed, 1 total', 'expected "Tests: 3 passed"', 'Tests: none', 'Snapshots:   0 total'])('%j has none', (line) => expect(testsLine(line)).toBeUndefined());
});

test('sums over lines that arrive in pieces', () => {
  const count = createTestCount();
  for (const piece of ['a: Tests:   3 pas', 'sed, 3 total\nb: Te', 'sts: 1 failed, 1 passed, 2 total\nTests: 2 passed, 2 total']) count.take(piece);
  expect(count.end(1)).toEqual({ passed: 6, failed: 1 });
});

test('a run that failed without a failed test is one failure', () => {
  const count = createTestCount();
  count.take('error TS2304: Cannot find name\n');
  expect(count.end(1)).toEqual({ passed: 0, failed: 1 });
  expect(closingLine([{ passed: 3, failed: 0 }, count.end(1)])).toBe('3 passed, 1 failed');
});
