// @ts-check
import { describe, expect, test } from '@jest/globals';
import { createStepReport, failureText, lookOf, stepLine } from './step-report.mjs';
import { SetupError } from './setup-error.mjs';

/** @param {{ isTTY?: boolean }} [options] */
function screen({ isTTY = false } = {}) {
  let text = '';
  return { isTTY, columns: 120, write: (/** @type {string} */ more) => void (text += more), read: () => text };
}
const plain = { color: false, unicode: false };

describe('stepLine', () => {
  test('aligns name, detail and time', () => {
    const lines = [
      stepLine({ mark: 'ok', name: 'Redis', detail: 'private server', ms: 312 }, { color: false, unicode: true }),
      stepLine({ mark: 'ok', name: 'Container engine', detail: 'Docker 28', ms: 12_345 }, { color: false, unicode: true }),
    ];
    expect(lines[0]).toMatch(/^✓ Redis {12}private server +0\.3 s$/);
    expect(lines[1]).toMatch(/^✓ Container engine Docker 28 +12\.3 s$/);
    expect(lines[0]).toHaveLength(lines[1]?.length ?? 0);
  });
  test('is plain ASCII where that is asked for', () => {
    expect(stepLine({ mark: 'fail', name: 'Redis', detail: 'gone' }, plain)).toMatch(/^[\x20-\x7e]*$/);
  });
});

describe('lookOf', () => {
  test.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: false }, {}, false],
    [{ isTTY: true }, { NO_COLOR: '1' }, false],
    [{ isTTY: true }, { TERM: 'dumb' }, false],
  ])('%j with %j is rich: %s', (output, env, rich) => {
    expect(lookOf({ ...output, write() {} }, env)).toEqual({ color: rich, unicode: rich });
  });
});

test('a failure is one sentence and its mend, a fault of ours has its stack', () => {
  const text = failureText(new SetupError('No Redis.', 'Run: apt-get install redis-server', { detail: 'line 1\nline 2\n' }), plain);
  expect(text.split('\n').map((line) => line.trim())).toEqual(['FAIL Failed           No Redis.', '| line 1', '| line 2', 'Run: apt-get install redis-server', '']);
  expect(failureText(new TypeError('x is not a function'), plain)).toContain('step-report.spec');
});

test('a step announces what takes long and tells what it did and for how long', async () => {
  const output = screen();
  const times = [1000, 3500];
  const report = createStepReport({ output, errors: screen(), env: {}, now: () => times.shift() ?? 0 });
  await report.step('Dependencies', async (say) => {
    say('npm ci');
    return { detail: 'installed' };
  });
  expect(output.read()).toMatch(/^\.\.\. {2}Dependencies {5}npm ci\nok {3}Dependencies {5}installed +2\.5 s\n$/);
});

test('on a terminal the announcement is replaced by the result', async () => {
  const output = screen({ isTTY: true });
  const report = createStepReport({ output, errors: screen(), env: { NO_COLOR: '1' } });
  await report.step('Build', (say) => {
    say('compiling');
    return { detail: 'done' };
  });
  expect(output.read()).toContain('compiling\r\u001b[Kok   Build');
});
