// @ts-check
// `npm start`: from a fresh clone to a finished take, and on; an app that dies is started again. `npm start -- --once` ends
// after the take, and fails where an app dies.
import process from 'node:process';
import { claimCheckout } from './setup/checkout-claim.mjs';
import { runProgram } from './setup/program.mjs';
import { setUpRunner, startApps } from './setup/set-up.mjs';
import { Interrupted, messageOf, SetupError } from './setup/setup-error.mjs';
import { goingOn } from './setup/start-text.mjs';

void runProgram(async (context) => {
  const once = process.argv.includes('--once');
  const { report, untilStopped } = context;
  claimCheckout(context);
  const runner = await setUpRunner(context, { nodeEnv: 'production' });
  const { broken } = await startApps(context, runner, { keep: !once });

  const apiUrl = `http://127.0.0.1:${runner.port}`;
  // Only now: it needs the dependencies that the set-up has installed.
  const { runSample } = await import('./sample-run.mjs');
  const stopped = Symbol('stopped');
  const { workspaceRoot } = runner;
  report.line('');
  const run = runSample({ apiUrl, workspaceRoot, print: report.line }).catch((error) => {
    throw new SetupError('The sample did not come through.', `Look into api.log and worker.log in ${context.paths.logs}, or run: npm run doctor`, { detail: messageOf(error), cause: error });
  });
  // It may still fail once it lost the race: stopping takes its connection away.
  run.catch(() => undefined);
  const sample = await Promise.race([run, broken, untilStopped.then(() => stopped)]);
  if (typeof sample === 'symbol') throw new Interrupted();

  report.line(goingOn({ takePath: sample.takePath, apiUrl, redisUrl: runner.redis.url, logs: context.paths.logs, once }));
  if (once) return 0;
  await Promise.race([untilStopped, broken]);
  return 0;
});
