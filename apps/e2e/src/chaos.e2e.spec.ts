/** A short run of chaos with a fixed seed: every kind of fault once, and the oracle's rules, one test each. */
import { ORACLE_RULES, type OracleRule } from './chaos/oracle/violation.js';
import { SHORT_RUN } from './chaos/plan/short-run.js';
import { ALL_FAULT_KINDS } from './chaos/plan/fault-kinds.js';
import { chaosFigures } from './chaos/report/chaos-figures.js';
import { chaosReport } from './chaos/report/chaos-report.js';
import { runChaos, type ChaosRun } from './chaos/run-chaos.js';

/** The run, and all the waits after it at their longest: what has not come to rest by then is for the oracle to name, not for the clock. */
const RUN_MS = 600_000;

let run: ChaosRun;

beforeAll(async () => {
  const lines: string[] = [];
  run = await runChaos({ ...SHORT_RUN, say: (line) => void lines.push(line) });
  process.stdout.write(`${[...lines, ...chaosReport(chaosFigures(SHORT_RUN, run), run)].map((line) => `  ${line}`).join('\n')}\n`);
}, RUN_MS);

it('met every kind of fault, with tasks of every kind under way', () => {
  expect(new Set(run.facts.faults.map(({ kind }) => kind))).toEqual(new Set(ALL_FAULT_KINDS));
  expect(run.facts.logs.size).toBeGreaterThan(60);
  expect(run.outcomes.completed).toBeGreaterThan(40);
  expect(run.outcomes.failedOnPurpose).toBeGreaterThan(0);
  expect(run.outcomes.cancelled).toBeGreaterThan(0);
});

it.each(Object.entries(ORACLE_RULES))('%s: %s', (rule) => {
  expect(run.violations.filter((violation) => violation.rule === (rule as OracleRule)).map(({ text }) => text)).toEqual([]);
});
