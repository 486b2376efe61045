// @ts-check
// The frame of start, dev and test: whatever happens (end, failure, Ctrl-C, closed terminal, fault of ours), what was
// started is stopped, last first, and the exit code tells how it went.
import { processFacts } from './process-record.mjs';
import { createStepReport } from './step-report.mjs';
import { createStopStack } from './stop-stack.mjs';
import { makeRunnerFolders, repositoryRoot, runnerPaths } from './runner-paths.mjs';
import { Interrupted } from './setup-error.mjs';

/** @type {readonly NodeJS.Signals[]} */
const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** By the custom of shells. @type {Partial<Record<NodeJS.Signals, number>>} */
const SIGNAL_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };
/** How often it is looked whether npm still lives. */
const PARENT_WATCH_MS = 1000;
/** Signals closer together than this are one request to stop; no person presses Ctrl-C twice on purpose so fast. */
const SAME_REQUEST_MS = 500;

/**
 * npm does not always pass a signal on, and when it is gone nobody could stop us any more. Between npm and us there may
 * be the shell that npm runs scripts with, which outlives npm.
 * @returns {() => boolean} whether npm still lives
 */
function watchNpm() {
  const parent = process.ppid;
  const shell = processFacts(parent);
  const npm = shell && /^\S*sh -c /.test(shell.command) ? shell.parent : undefined;
  return () => process.ppid === parent && (npm === undefined || processFacts(parent)?.parent === npm);
}

/**
 * @typedef {import('./setup-context.mjs').SetupContext & { untilStopped: Promise<void> }} ProgramContext
 *   `untilStopped` resolves once a stop is asked for: a program that waits for it ends with 0.
 */

/**
 * @param {(context: ProgramContext) => Promise<number>} main gives the exit code
 */
export async function runProgram(main) {
  const env = { ...process.env };
  const paths = runnerPaths(repositoryRoot, env);
  const report = createStepReport({ output: process.stdout, errors: process.stderr, env });
  const stops = createStopStack();
  const controller = new AbortController();
  /** @type {() => void} */
  let stopped = () => {};
  /** @type {Promise<void>} */
  const untilStopped = new Promise((resolve) => (stopped = resolve));
  /** @type {number | undefined} */
  let interruptedBy;
  let askedAt = 0;

  /** @param {number} code @param {string} said */
  function askToStop(code, said) {
    if (interruptedBy !== undefined) {
      // One Ctrl-C may arrive twice: from the terminal, and passed on by npm or timeout(1).
      if (performance.now() - askedAt < SAME_REQUEST_MS) return;
      stops.forceAll();
      process.exit(code);
    }
    interruptedBy = code;
    askedAt = performance.now();
    report.line(said);
    controller.abort();
    stopped();
  }
  for (const signal of STOP_SIGNALS) process.on(signal, () => askToStop(SIGNAL_CODES[signal] ?? 1, `\nStopping (${signal}; once more to force) ...`));
  // A reader that went away (`npm start | head`) must not keep us from stopping what runs.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.on('exit', () => stops.forceAll());
  for (const event of /** @type {const} */ (['uncaughtException', 'unhandledRejection'])) {
    process.on(event, (/** @type {unknown} */ error) => {
      report.failure(error);
      void stops.stopAll(report.line).finally(() => process.exit(1));
    });
  }
  if (env.npm_lifecycle_event) {
    const alive = watchNpm();
    setInterval(() => {
      if (interruptedBy === undefined && !alive()) askToStop(143, 'npm is gone, stopping ...');
    }, PARENT_WATCH_MS).unref();
  }

  let code;
  try {
    makeRunnerFolders(paths);
    code = await main({ paths, env, report, stops, signal: controller.signal, untilStopped });
  } catch (error) {
    code = interruptedBy ?? 1;
    if (!(error instanceof Interrupted) && interruptedBy === undefined) report.failure(error);
  }
  await stops.stopAll(report.line);
  process.exit(code);
}
