// @ts-check
// `npm test`: makes sure of what the tests need, then runs all of them. The closing line is `N passed, N failed`.
import process from 'node:process';
import { join } from 'node:path';
import { buildApps } from './setup/build.step.mjs';
import { runCommand } from './setup/command.mjs';
import { ensureContainerEngine } from './setup/container-engine.step.mjs';
import { runProgram } from './setup/program.mjs';
import { ensureRedisProgram } from './setup/redis-server.step.mjs';
import { setUpDependencies, setUpImages, setUpNode } from './setup/set-up.mjs';
import { Interrupted } from './setup/setup-error.mjs';
import { closingLine, createTestCount } from './setup/test-count.mjs';

/** The pipeline whose image the tests of the real thing use. */
const UPSCALE = 'image-upscale';
const RUNS = [
  ['run-many', '-t', 'test', '--parallel=2'],
  ['run', 'e2e:e2e'],
];

/**
 * @param {import('./setup/setup-context.mjs').SetupContext} context
 * @returns {Promise<NodeJS.ProcessEnv>} the environment of the tests
 */
async function setUpTests(context) {
  const { env, report } = context;
  await setUpNode(context);
  await report.step('Redis', async (say) => ({ detail: `${await ensureRedisProgram(context, say)} (the tests start their own servers)` }));
  const engine = await report.step('Container engine', (say) => ensureContainerEngine(context, say));
  await setUpDependencies(context);
  // The end-to-end tests start the apps as they are shipped.
  await report.step('Build', (say) => buildApps(context, say));
  const { base, pipelineTags } = await setUpImages(context, engine);
  const upscale = pipelineTags[UPSCALE]?.[0];
  return {
    ...env,
    ...(engine.dockerHost === undefined ? {} : { DOCKER_HOST: engine.dockerHost }),
    ...(base === undefined ? {} : { FUNCTION_RUNNER_TEST_BASE_IMAGE: base.reference }),
    ...(upscale === undefined ? {} : { FUNCTION_RUNNER_UPSCALE_IMAGE: upscale }),
    // Its daemon would outlive us.
    NX_DAEMON: 'false',
  };
}

/**
 * @param {import('./setup/setup-context.mjs').SetupContext} context
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
async function runNx({ paths, report, signal }, args, env) {
  report.line(`\n> nx ${args.join(' ')}`);
  const count = createTestCount();
  const fresh = env.CI ? ['--skip-nx-cache'] : [];
  const { code } = await runCommand(join(paths.root, 'node_modules', '.bin', 'nx'), [...args, '--output-style=stream', ...fresh], {
    cwd: paths.root,
    env,
    signal,
    onText(text) {
      process.stdout.write(text);
      count.take(text);
    },
  });
  return count.end(code);
}

void runProgram(async (context) => {
  const { report, stops } = context;
  const results = [];
  try {
    const env = await setUpTests(context);
    for (const args of RUNS) results.push(await runNx(context, args, env));
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    report.failure(error);
    results.push({ passed: 0, failed: 1 });
  }
  // Stopped before the closing line, so that it is the last one.
  await stops.stopAll(report.line);
  report.line(`\n${closingLine(results)}`);
  return results.some(({ failed }) => failed > 0) ? 1 : 0;
});
