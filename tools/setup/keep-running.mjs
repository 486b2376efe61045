// @ts-check
import { setTimeout as pause } from 'node:timers/promises';
import { SetupError } from './setup-error.mjs';

/** An app that ended so often within so long will not run, however often it is started. */
export const MOST_DEATHS = 5;
export const DEATHS_WITHIN_MS = 60_000;

/** Before the first new start; twice as long before each further one. A killed app may still hold its port for a moment. */
const FIRST_PAUSE_MS = 1000;

/**
 * What is to be done about an app that has ended by itself: how long to wait before it is started again, or undefined where
 * it is given up. Pure.
 * @param {readonly number[]} deaths when it ended, milliseconds, the last one included
 * @param {number} now
 */
export function pauseBeforeStart(deaths, now) {
  const recent = deaths.filter((at) => now - at < DEATHS_WITHIN_MS).length;
  return recent >= MOST_DEATHS ? undefined : FIRST_PAUSE_MS * 2 ** (recent - 1);
}

/**
 * @typedef {import('./apps.step.mjs').RunningApp} RunningApp
 * @typedef {object} Keeping
 * @property {() => RunningApp} start starts the app once more
 * @property {(app: RunningApp) => Promise<void>} ready settles when it is ready, rejects when it is not in time
 * @property {(text: string) => void} say
 * @property {() => boolean} isStopping whether nothing is to be started any more
 * @property {(ms: number) => Promise<unknown>} [wait]
 * @property {() => number} [now] milliseconds
 */

/**
 * Starts an app again whenever it ends by itself, until everything is stopped.
 * @param {RunningApp} app
 * @param {Keeping} keeping
 * @returns {Promise<void>} settles when nothing is to be started any more
 * @throws {SetupError} where it ends again and again
 */
export async function keepRunning(app, { start, ready, say, isStopping, wait = pause, now = () => performance.now() }) {
  /** @type {number[]} */
  const deaths = [];
  for (let current = app; ; ) {
    const how = await current.ended;
    if (isStopping()) return;
    current.forget();
    deaths.push(now());
    const ms = pauseBeforeStart(deaths, now());
    if (ms === undefined) throw new SetupError(`The ${app.name} ended by itself ${MOST_DEATHS} times within ${DEATHS_WITHIN_MS / 1000} s, the last time with ${how}.`, `Its whole log: ${app.logFile}`);
    say(`The ${app.name} ended by itself with ${how}; it is started again in ${ms / 1000} s.`);
    await wait(ms);
    if (isStopping()) return;
    current = start();
    // One that does not become ready, or ends before, has said so in its log, and its end is seen here.
    ready(current).then(() => say(`The ${app.name} runs again.`), () => undefined);
  }
}
