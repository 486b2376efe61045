// @ts-check
// Starts Node programs that are measured, and waits for their word that they are ready.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ask } from '../setup/apps.step.mjs';
import { lastLinesOf } from '../setup/command.mjs';
import { endProcess, sendSignal } from '../setup/process-record.mjs';
import { repositoryRoot } from '../setup/runner-paths.mjs';
import { Interrupted, SetupError } from '../setup/setup-error.mjs';

const READY_WITHIN_MS = 30_000;
/** Fine enough for a start time in hundredths of a second. */
const LOOK_AGAIN_MS = 5;
const STOP_GRACE_MS = 5_000;

/** @typedef {{ name: string, pid: number, readyMs: number, stop: () => Promise<void> }} NodeProgram */

/**
 * Starts a program and waits until its URL answers 200. Its output goes to a file, as in production.
 * @param {import('../setup/setup-context.mjs').SetupContext} context
 * @param {{ name: string, args: readonly string[], env: NodeJS.ProcessEnv, readyUrl: string, logs: string }} program
 * @returns {Promise<NodeProgram>}
 */
export async function startNodeProgram({ stops, signal }, { name, args, env, readyUrl, logs }) {
  const logFile = join(logs, `${name}.log`);
  const log = openSync(logFile, 'w');
  const startedAt = performance.now();
  // Its own process group: Ctrl-C must reach the bench alone, which then stops everything in order.
  const child = spawn(process.execPath, args, { cwd: repositoryRoot, env, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  /** @type {string | undefined} */
  let ended;
  child.once('exit', (code, by) => (ended = by ?? `code ${code}`));
  child.once('error', (error) => (ended = error.message));
  const { pid } = child;
  if (pid === undefined) throw new SetupError(`${name} could not be started.`, `Check that ${process.execPath} can be run.`);
  const stop = async () => void (ended === undefined && (await endProcess(pid, STOP_GRACE_MS)));
  const forget = stops.push({ name, stop, force: () => (ended === undefined ? sendSignal(pid, 'SIGKILL') : undefined) });

  let last = { status: 0, body: '' };
  while (performance.now() - startedAt < READY_WITHIN_MS) {
    if (signal.aborted) throw new Interrupted();
    if (ended !== undefined) throw new SetupError(`${name} ended with ${ended} before it was ready.`, 'Its last lines are above.', { detail: lastLinesOf(logFile) });
    last = await ask(readyUrl);
    if (last.status === 200) {
      const readyMs = performance.now() - startedAt;
      return { name, pid, readyMs, stop: async () => (forget(), stop()) };
    }
    await pause(LOOK_AGAIN_MS);
  }
  throw new SetupError(`${name} was not ready within ${READY_WITHIN_MS / 1000} s (${readyUrl} answers ${last.status || 'nothing'}).`, 'Its last lines are above.', { detail: [last.body.slice(0, 2000), lastLinesOf(logFile)].filter(Boolean).join('\n') });
}
