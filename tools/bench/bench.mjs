// @ts-check
// `npm run bench [-- control|cold|warm|recovery|simulate] [--json FILE]`: prints figures with their ratios to a floor measured in the same run.
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import process from 'node:process';
import { buildApps } from '../setup/build.step.mjs';
import { messageOf, SetupError } from '../setup/setup-error.mjs';
import { runProgram } from '../setup/program.mjs';
import { ensureRedisProgram } from '../setup/redis-server.step.mjs';
import { setUpDependencies, setUpNode } from '../setup/set-up.mjs';
import { parseBenchArguments, usageText } from './bench-arguments.mjs';

/** Of the bench itself, or of each of several things by their names. @typedef {Record<string, number | Record<string, number>>} Figures */

/**
 * A bench prints its report and gives its figures by the names of protocol §8, without the bench's own name.
 * @typedef {(context: import('../setup/program.mjs').ProgramContext, tools: { redisProgram: string }) => Promise<Figures>} Bench
 */

void runProgram(async (context) => {
  const { report } = context;
  const { benches, jsonFile, help } = parseBenchArguments(process.argv.slice(2));
  if (help) {
    report.line(usageText());
    return 0;
  }
  await setUpNode(context);
  const { program: redisProgram } = await report.step('Redis', async (say) => {
    const program = await ensureRedisProgram(context, say);
    return { program, detail: `${program} (each bench starts its own server)` };
  });
  await setUpDependencies(context);
  await report.step('Build', (say) => buildApps(context, say));

  /** @type {Record<string, Figures>} */
  const figures = {};
  let failed = false;
  for (const name of benches) {
    // They import installed packages, so they are loaded only now.
    const { bench } = /** @type {{ bench: Bench }} */ (await import(new URL(`./${name}/${name}.bench.mjs`, import.meta.url).href));
    try {
      figures[name] = await bench(context, { redisProgram });
    } catch (error) {
      if (benches.length === 1 || !(error instanceof SetupError)) throw error;
      // What cannot be measured on this machine costs the others nothing.
      report.failure(error);
      failed = true;
    }
  }
  if (jsonFile !== undefined) {
    const machine = { cpus: cpus().length, node: process.versions.node };
    try {
      writeFileSync(jsonFile, `${JSON.stringify({ measuredAt: new Date().toISOString(), machine, ...figures }, null, 2)}\n`);
    } catch (error) {
      throw new SetupError(`The figures could not be written to ${jsonFile}: ${messageOf(error)}.`, 'Name a file in a folder that exists.', { cause: error });
    }
    report.line(`\nfigures written to ${jsonFile}`);
  }
  return failed ? 1 : 0;
});
