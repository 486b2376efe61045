import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { waitFor } from '@function-runner/testing';
import type { AppProcess } from './app-process.js';

/** What a process must be started with, so that {@link evaluateIn} finds its inspector whatever else listens on this machine. */
export const INSPECTABLE = { NODE_OPTIONS: '--inspect-port=0' };

/** How much later the statement runs, milliseconds: the debugger is gone by then, which would stop a process that runs out of memory. */
const LATER_MS = 500;

/**
 * Lets a process run a statement in its main thread a moment later, as somebody with a debugger could: what goes wrong by
 * it is real, and the product knows nothing of it. Resolves when the process has taken the statement and the debugger has left.
 */
export async function evaluateIn(app: AppProcess, statement: string): Promise<void> {
  app.signal('SIGUSR1');
  const port = await waitFor('the inspector to listen', () => /Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(app.log)?.[1]);
  const debug = spawn(process.execPath, ['inspect', `127.0.0.1:${port}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  const closed = once(debug, 'close');
  let said = '';
  debug.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    await waitFor('the debugger to be connected', () => said.includes('debug>'));
    debug.stdin.write(`exec(${JSON.stringify(`setTimeout(() => { ${statement} }, ${LATER_MS}), 'is taken'`)})\n`);
    await waitFor(`the process to take the statement; the debugger says: ${said}`, () => said.includes("'is taken'"));
  } finally {
    debug.kill('SIGKILL');
    await closed;
  }
}
