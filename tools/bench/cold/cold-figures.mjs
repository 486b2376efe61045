// @ts-check
// From the runs to the figures and the table. Pure.
import { aimText, tableLines } from '../figure-table.mjs';
import { percentile, rounded } from '../statistics.mjs';

/** Issue 2, "How it is judged". */
const OVERHEAD_AIM = { atMost: 60 };

/**
 * @typedef {object} ColdRuns
 * @property {readonly number[]} bare milliseconds of each bare run
 * @property {readonly import('../task-client.mjs').TaskTimes[]} product
 */

/** @param {ColdRuns} runs */
function phases({ bare, product }) {
  return {
    whole: product.map(({ end }) => end),
    dispatch: product.map(({ preparing }) => preparing),
    start: product.map(({ preparing, running }) => running - preparing),
    run: product.map(({ running, end }) => end - running),
    bare,
  };
}

/**
 * @param {ColdRuns} runs
 * @returns {Record<string, number>}
 */
export function coldFigures(runs) {
  const { whole, dispatch, start, run, bare } = phases(runs);
  const [productP50Ms, dockerRunP50Ms] = [percentile(whole, 50), percentile(bare, 50)];
  const figures = {
    overheadMs: productP50Ms - dockerRunP50Ms,
    productP50Ms,
    productP99Ms: percentile(whole, 99),
    dockerRunP50Ms,
    dockerRunP99Ms: percentile(bare, 99),
    ratioToDockerRun: productP50Ms / dockerRunP50Ms,
    dispatchP50Ms: percentile(dispatch, 50),
    containerStartP50Ms: percentile(start, 50),
    runToTakeP50Ms: percentile(run, 50),
    runs: bare.length,
  };
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value, 3)]));
}

/**
 * @param {ColdRuns} runs
 * @param {{ overheadMs: number }} figures
 * @param {{ image: string, how: string }} compared
 */
export function coldReport(runs, { overheadMs }, { image, how }) {
  const parts = phases(runs);
  /** @param {string} name @param {readonly number[]} values */
  const row = (name, values) => [name, percentile(values, 50).toFixed(1), percentile(values, 99).toFixed(1), ''];
  return [
    '',
    ...tableLines([
      ['ms', 'p50', 'p99', ''],
      row('bare docker run', parts.bare),
      row('product, submit to task_success', parts.whole),
      row('  dispatch: submit to preparing', parts.dispatch),
      row('  container: preparing to running', parts.start),
      row('  run: running to the finished take', parts.run),
      ['overhead of the product', overheadMs.toFixed(1), '', aimText(overheadMs, OVERHEAD_AIM, 'ms')],
    ]),
    '',
    `Compared over ${runs.bare.length} pairs, in turn, of ${image}: \`docker run --rm -i --network none --mount <output>\` by ${how},`,
    'without limits or hardening, from its start to its end; and the product with all of both, from the client\'s request to the published take.',
  ];
}
