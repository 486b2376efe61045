// @ts-check
// `npm run simulate [-- --trace FILE] [--policy ours|fifo|first-fit|all] [--json FILE] [--write-docs]`: plays traces through the
// placement of libs/scheduling, and through simpler policies beside it. Needs no Redis, no containers and no GPU.
import { readFileSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { runProgram } from '../setup/program.mjs';
import { setUpDependencies, setUpNode } from '../setup/set-up.mjs';
import { Interrupted, messageOf, SetupError } from '../setup/setup-error.mjs';
import { buildScheduling } from './build-scheduling.step.mjs';
import { SCHEDULING_DOCS, withResults } from './scheduling-docs.mjs';
import { shippedTraces } from './shipped-traces.mjs';
import { parseSimulateArguments, usageText } from './simulate-arguments.mjs';

void runProgram(async (context) => {
  const { report, signal } = context;
  const { traces, policies, jsonFile, writeDocs, help } = parseSimulateArguments(process.argv.slice(2));
  if (help) {
    report.line(usageText());
    return 0;
  }
  await setUpNode(context);
  await setUpDependencies(context);
  await report.step('Build', () => buildScheduling(context));
  // They import what was just built.
  const { readTraceFile } = await import('./read-trace.mjs');
  const { runTrace } = await import('./run-trace.mjs');
  const { simulationFigures } = await import('./simulation-figures.mjs');
  const { markdownTables, traceReport } = await import('./simulation-report.mjs');

  /** @type {import('./run-trace.mjs').TraceRun[]} */
  const runs = [];
  for (const file of traces.length > 0 ? traces : shippedTraces()) {
    // A run occupies the process; a stop that was asked for meanwhile is heard between two of them.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) throw new Interrupted();
    const run = runTrace(readTraceFile(file), policies);
    runs.push(run);
    for (const line of traceReport(run)) report.line(line);
  }
  const figures = simulationFigures(runs);
  report.line(`\n${figures.tasks} tasks simulated in ${figures.seconds} s`);
  if (jsonFile !== undefined) write(jsonFile, `${JSON.stringify({ simulate: figures }, null, 2)}\n`, report.line);
  if (writeDocs) write(SCHEDULING_DOCS, withResults(readFileSync(SCHEDULING_DOCS, 'utf8'), markdownTables(runs)), report.line);
  return 0;
});

/** @param {string} file @param {string} text @param {(line: string) => void} say */
function write(file, text, say) {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new SetupError(`${file} could not be written: ${messageOf(error)}.`, 'Name a file in a folder that exists.', { cause: error });
  }
  say(`written: ${file}`);
}
