// @ts-check
// `npm run dev`: the set-up of `npm start`, then the compiler and both apps in watch mode.
import { spawn } from 'node:child_process';
import { nativeCompiler, APP_PROJECTS } from './setup/build.step.mjs';
import { claimCheckout } from './setup/checkout-claim.mjs';
import { endProcess, endRecorded, forgetProcess, recordProcess, sendSignal } from './setup/process-record.mjs';
import { runProgram } from './setup/program.mjs';
import { setUpRunner, startApps } from './setup/set-up.mjs';
import { SetupError } from './setup/setup-error.mjs';

const COMPILER_GRACE_MS = 5000;

/** @param {import('./setup/setup-context.mjs').SetupContext} context */
async function watchSources({ paths, stops }) {
  await endRecorded(paths.run, 'compiler', COMPILER_GRACE_MS);
  const child = spawn(nativeCompiler(paths.root), ['-b', '-w', '--preserveWatchOutput', ...APP_PROJECTS], { cwd: paths.root, detached: true, stdio: ['ignore', 'inherit', 'inherit'] });
  const { pid } = child;
  if (pid === undefined) throw new SetupError('The compiler could not be started.', 'Run: npm ci');
  stops.push({
    name: 'compiler',
    async stop() {
      await endProcess(pid, COMPILER_GRACE_MS);
      forgetProcess(paths.run, 'compiler');
    },
    force: () => sendSignal(pid, 'SIGKILL'),
  });
  recordProcess(paths.run, 'compiler', { pid, marker: 'tsc' });
}

void runProgram(async (context) => {
  const { report, untilStopped } = context;
  claimCheckout(context);
  const runner = await setUpRunner(context, { nodeEnv: 'development' });
  const { broken } = await startApps(context, runner, { watch: true });
  await watchSources(context);
  report.line(`\nAPI          http://127.0.0.1:${runner.port}/docs\nWatching     apps/ and libs/ are compiled and the apps restarted at each change\nStop         Ctrl-C\n`);
  await Promise.race([untilStopped, broken]);
  return 0;
});
