// @ts-check
// Placement on the shipped traces, in simulated time: nothing is started, and no figure but `seconds` depends on the machine.
import { Interrupted } from '../../setup/setup-error.mjs';
import { readTraceFile } from '../../simulate/read-trace.mjs';
import { runTrace } from '../../simulate/run-trace.mjs';
import { shippedTraces } from '../../simulate/shipped-traces.mjs';
import { simulationFigures } from '../../simulate/simulation-figures.mjs';
import { POLICIES } from '../../simulate/simulation-policies.mjs';
import { traceReport } from '../../simulate/simulation-report.mjs';
import { aimText } from '../figure-table.mjs';

/** Of this machine, for a trace of 10,000 tasks under all policies. */
const AIM_SECONDS = { atMost: 10 };

/** @param {import('../../setup/program.mjs').ProgramContext} context */
export async function bench({ report, signal }) {
  report.line('\nsimulate: placement on the shipped traces, beside simpler policies and lower bounds');
  const runs = [];
  for (const file of shippedTraces()) {
    // A run occupies the process; a stop that was asked for meanwhile is heard between two of them.
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) throw new Interrupted();
    const run = runTrace(readTraceFile(file), POLICIES);
    runs.push(run);
    for (const line of traceReport(run)) report.line(line);
  }
  const largest = Math.max(...runs.map(({ tasks }) => tasks));
  const slowest = Math.max(...runs.filter(({ tasks }) => tasks === largest).map(({ seconds }) => seconds));
  report.line(`\n${largest} tasks under ${POLICIES.length} policies: ${slowest.toFixed(1)} s, ${aimText(slowest, AIM_SECONDS, 's')}`);
  return simulationFigures(runs);
}
