// @ts-check
// `npm run chaos -- --seed S --minutes M`: random faults against a whole function runner while clients work, and an oracle that looks from outside.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { findProgram } from '../setup/command.mjs';
import { buildApps } from '../setup/build.step.mjs';
import { ensureContainerEngine } from '../setup/container-engine.step.mjs';
import { runProgram } from '../setup/program.mjs';
import { ensureRedisProgram } from '../setup/redis-server.step.mjs';
import { messageOf, SetupError } from '../setup/setup-error.mjs';
import { setUpDependencies, setUpImages, setUpNode } from '../setup/set-up.mjs';
import { buildChaos } from './build-chaos.step.mjs';
import { parseChaosArguments, usageText } from './chaos-arguments.mjs';

/** What the compiler makes of the driver. */
const DRIVER = '../../apps/e2e/out-tsc/chaos';

/** @template T @param {string} file @returns {Promise<T>} */
const driver = (file) => import(new URL(`${DRIVER}/${file}`, import.meta.url).href);

void runProgram(async (context) => {
  const { report, stops, env, paths } = context;
  const { seed, minutes, faults, jsonFile, writeDocs, help } = parseChaosArguments(process.argv.slice(2));
  await setUpNode(context);
  await report.step('Redis', async (say) => ({ detail: `${await ensureRedisProgram(context, say)} (chaos has a server of its own)` }));
  const engine = await report.step('Container engine', async (say) => {
    const found = await ensureContainerEngine(context, say);
    if (!found.docker || !findProgram('dockerd', env)) throw new SetupError('Chaos needs Docker, and a dockerd that it may start and kill.', 'Install Docker, and run this as root.');
    return found;
  });
  await setUpDependencies(context);
  await report.step('Build', (say) => buildApps(context, say));
  await report.step('Chaos', () => buildChaos(context));
  const { ALL_FAULT_KINDS, isFaultKind } = await driver('plan/fault-kinds.js');
  if (help) {
    report.line(usageText(ALL_FAULT_KINDS));
    return 0;
  }
  const unknown = faults.find((kind) => !isFaultKind(kind));
  if (unknown !== undefined) throw new SetupError(`There is no fault "${unknown}".`, usageText(ALL_FAULT_KINDS));
  const { base } = await setUpImages(context, engine);
  if (base !== undefined) process.env.FUNCTION_RUNNER_TEST_BASE_IMAGE ??= base.reference;
  // Whence the daemon of the run gets that image, where the set-up has started or found another than the default one.
  if (engine.dockerHost !== undefined) process.env.DOCKER_HOST = engine.dockerHost;

  const { runChaos } = await driver('run-chaos.js');
  const { chaosFigures } = await driver('report/chaos-figures.js');
  const { chaosReport } = await driver('report/chaos-report.js');
  const run = await runChaos({
    seed, minutes, kinds: faults.length > 0 ? faults : ALL_FAULT_KINDS, say: report.line,
    opened: (/** @type {() => Promise<void>} */ stop) => void stops.push({ name: 'chaos', stop: async () => void (await stop()), force: () => undefined }),
  });
  const figures = chaosFigures({ seed, minutes }, run);
  for (const line of ['', ...chaosReport(figures, run)]) report.line(line);
  if (jsonFile !== undefined) write(jsonFile, `${JSON.stringify({ measuredAt: new Date().toISOString(), ...figures }, null, 2)}\n`);
  if (writeDocs) {
    const page = join(paths.root, 'docs', 'reliability.md');
    const { withChaosRow } = await driver('report/chaos-table.js');
    write(page, withChaosRow(readFileSync(page, 'utf8'), figures));
  }
  return run.violations.length === 0 ? 0 : 1;
});

/** @param {string} file @param {string} text */
function write(file, text) {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new SetupError(`${file} could not be written: ${messageOf(error)}.`, 'Name a file in a folder that exists.', { cause: error });
  }
}
