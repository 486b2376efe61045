// @ts-check
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @type {string} */
let state;
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'fr-program-'));
});
afterEach(() => rmSync(state, { recursive: true, force: true }));

/**
 * Runs a program of two things that are to be stopped, as a process of its own.
 * @param {string} body what it does after it has started them
 * @param {{ once?: string, signal?: NodeJS.Signals }} [send] the signal to send once it has said a word
 * @returns {Promise<{ code: number | null, output: string }>}
 */
function run(body, { once, signal } = {}) {
  const module = new URL('./program.mjs', import.meta.url).href;
  const script = `
    import { runProgram } from ${JSON.stringify(module)};
    import { SetupError } from ${JSON.stringify(new URL('./setup-error.mjs', import.meta.url).href)};
    runProgram(async ({ stops, report, untilStopped, signal }) => {
      for (const name of ['first', 'second']) stops.push({ name, stop: () => report.line('stopped ' + name) });
      ${body}
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: { ...process.env, FUNCTION_RUNNER_STATE_DIR: state, npm_lifecycle_event: '' }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let sent = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
      if (signal && once && !sent && output.includes(once)) sent = child.kill(signal);
    });
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, output })));
}

const STOPPED = /stopped second\n[\s\S]*stopped first\n/;

test('the end: everything is stopped, last first, and the code is the program\'s', async () => {
  expect(await run('return 0;')).toEqual({ code: 0, output: 'stopped second\nstopped first\n' });
});

test('a failure: one sentence, its mend, no stack', async () => {
  const { code, output } = await run("throw new SetupError('No Redis.', 'Start it.');");
  expect({ code, output }).toEqual({ code: 1, output: expect.stringMatching(STOPPED) });
  expect(output).toMatch(/No Redis\.\n +Start it\.\n/);
  expect(output).not.toContain('    at ');
});

test('a fault of ours outside the program\'s own promise', async () => {
  expect(await run("setTimeout(() => { throw new TypeError('oops') }); await untilStopped;")).toEqual({ code: 1, output: expect.stringMatching(STOPPED) });
});

test.each(/** @type {const} */ ([
  ['SIGINT', 'await untilStopped; return 0;', 0],
  ['SIGTERM', 'await untilStopped; return 0;', 0],
  ['SIGHUP', 'await untilStopped; return 0;', 0],
  ['SIGTERM', "await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cut off'))));", 143],
]))('%s, %s', async (signal, body, code) => {
  const result = await run(`setInterval(() => {}, 1000); report.line('up'); ${body}`, { once: 'up', signal });
  expect(result).toEqual({ code, output: expect.stringMatching(STOPPED) });
  // What breaks because it was told to stop is no news.
  expect(result.output).not.toContain('cut off');
});
