// @ts-check
import { describe, expect, test } from '@jest/globals';
import { DEATHS_WITHIN_MS, keepRunning, MOST_DEATHS, pauseBeforeStart } from './keep-running.mjs';

test.each([
  ['the first death', [0], 0, 1000],
  ['a second one soon after', [0, 5000], 5000, 2000],
  ['a fourth one', [0, 1, 2, 3], 3, 8000],
  ['a fifth one within a minute: given up', [0, 1, 2, 3, 4], 4, undefined],
  ['a fifth one, the first of them long ago', [0, 60_001, 60_002, 60_003, 60_004], 60_004, 8000],
  ['one after a long life', [0, 1, 2, 3, 500_000], 500_000, 1000],
])('%s', (_what, deaths, now, expected) => {
  expect(pauseBeforeStart(deaths, now)).toBe(expected);
});

describe('keepRunning', () => {
  /** An app that ends when it is told. */
  function app() {
    /** @type {(how: string) => void} */
    let end = () => undefined;
    /** @type {Promise<string>} */
    const ended = new Promise((resolve) => (end = resolve));
    let forgotten = false;
    return { name: /** @type {const} */ ('worker'), port: 1, pid: 1, ended, logFile: '/logs/worker.log', end: (/** @type {string} */ how) => end(how), forget: () => void (forgotten = true), isForgotten: () => forgotten };
  }

  test('starts it again and says so; the dead one is forgotten', async () => {
    const [first, second] = [app(), app()];
    /** @type {string[]} */
    const said = [];
    /** @type {number[]} */
    const waits = [];
    let isStopping = false;
    const kept = keepRunning(first, { start: () => second, ready: () => Promise.resolve(), say: (text) => said.push(text), isStopping: () => isStopping, wait: (ms) => Promise.resolve(waits.push(ms)) });
    first.end('SIGKILL');
    await new Promise((resolve) => setImmediate(resolve));
    expect(first.isForgotten()).toBe(true);
    expect(waits).toEqual([1000]);
    expect(said).toEqual(['The worker ended by itself with SIGKILL; it is started again in 1 s.', 'The worker runs again.']);
    // One that is stopped with everything else stays stopped.
    isStopping = true;
    second.end('code 0');
    await kept;
    expect(second.isForgotten()).toBe(false);
  });

  test('gives up one that ends again and again', async () => {
    let starts = 0;
    const dying = () => {
      starts += 1;
      const one = app();
      one.end('code 1');
      return one;
    };
    const kept = keepRunning(dying(), { start: dying, ready: () => Promise.reject(new Error('it ended')), say: () => undefined, isStopping: () => false, wait: () => Promise.resolve(), now: () => 0 });
    await expect(kept).rejects.toMatchObject({ message: `The worker ended by itself ${MOST_DEATHS} times within ${DEATHS_WITHIN_MS / 1000} s, the last time with code 1.`, mend: expect.stringContaining('/logs/worker.log') });
    expect(starts).toBe(MOST_DEATHS);
  });
});
