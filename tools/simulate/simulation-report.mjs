// @ts-check
// The tables of runs, for the terminal and for docs/scheduling.md. Pure.
import { tableLines } from '../bench/figure-table.mjs';

/** @typedef {import('./run-trace.mjs').TraceRun} TraceRun */
/** @typedef {import('./run-trace.mjs').PolicyRun} PolicyRun */
/** @typedef {import('./simulation-policies.mjs').PolicyName} PolicyName */

/** @type {Readonly<Record<PolicyName, string>>} */
const POLICY_TITLES = { ours: 'ours', fifo: 'FIFO per tier', 'first-fit': 'first fit' };

/** Whole seconds. @param {number} ms */
const wholeSeconds = (ms) => (ms / 1000).toFixed(0);
/** A bound is rounded away from what it bounds. @param {number} ms */
const secondsAtLeast = (ms) => `≥ ${Math.floor(ms / 1000)}`;
/** @param {number} share */
const percent = (share) => (100 * share).toFixed(1);

const HEAD = ['trace', 'policy', 'utilisation, %', 'makespan, s', 'wait: mean, s', 'p50', 'p95', 'longest', 'p95 of the middle project', 'fairness', 'passed over', 'cold starts'];

/** @param {TraceRun} run @returns {string[][]} a row for the bounds and one for each policy */
function figureRows({ name, bounds, policies }) {
  const known = Object.entries(policies).map(([policy, metrics]) => [
    '', POLICY_TITLES[/** @type {PolicyName} */ (policy)], percent(metrics.utilisation), wholeSeconds(metrics.makespanMs), wholeSeconds(metrics.wait.meanMs), wholeSeconds(metrics.wait.p50Ms), wholeSeconds(metrics.wait.p95Ms),
    wholeSeconds(metrics.wait.maxMs), wholeSeconds(metrics.projectP95Ms), metrics.fairness.toFixed(3), String(metrics.passedOver), String(metrics.coldStarts),
  ]);
  return [[name, 'bound', `≤ ${(Math.ceil(1000 * bounds.utilisation) / 10).toFixed(1)}`, secondsAtLeast(bounds.makespanMs), secondsAtLeast(bounds.meanWaitMs), '', '', '', '', '', '', ''], ...known];
}

/** @param {TraceRun} run @returns {string[]} p95 waits by tier, of the policies in their order */
function tierRow({ name, policies }) {
  const runs = Object.values(policies);
  return [name, ...TIERS.map((tier) => (runs.some(({ waitOfTier }) => waitOfTier[tier]) ? runs.map(({ waitOfTier }) => wholeSeconds(waitOfTier[tier]?.p95Ms ?? NaN)).join(' / ') : ''))];
}

const TIERS = /** @type {const} */ (['low', 'standard', 'high', 'premium']);

/**
 * Whether ours keeps what it promises beside another policy: a shorter p95 wait at no less utilisation, as far as the table shows it.
 * @param {PolicyRun} ours
 * @param {PolicyRun} other
 * @returns {{ isBetter: boolean, text: string }}
 */
export function comparison(ours, other) {
  const shorter = ours.wait.p95Ms < other.wait.p95Ms;
  const [own, others] = [percent(ours.utilisation), percent(other.utilisation)].map(Number);
  const asBusy = (own ?? NaN) >= (others ?? NaN);
  const isBetter = shorter && asBusy;
  const change = Math.round(100 * (ours.wait.p95Ms / other.wait.p95Ms - 1));
  const facts = `p95 wait ${change > 0 ? '+' : ''}${change} %, utilisation ${percent(ours.utilisation)} to ${percent(other.utilisation)} %`;
  return { isBetter, text: `${isBetter ? 'yes' : '**no**'}: ${facts}` };
}

/** @param {TraceRun} run @returns {string[]} */
function comparisonRow({ name, policies: { ours, fifo, 'first-fit': firstFit } }) {
  return [name, ours && fifo ? comparison(ours, fifo).text : '', ours && firstFit ? comparison(ours, firstFit).text : ''];
}

/** For the terminal. @param {TraceRun} run @returns {string[]} */
export function traceReport(run) {
  const { name, description, tasks, policies } = run;
  const tiers = Object.entries(policies).map(([policy, { waitOfTier }]) => [POLICY_TITLES[/** @type {PolicyName} */ (policy)], ...TIERS.flatMap((tier) => waitOfTier[tier] ?? []).map(({ p50Ms, p95Ms, maxMs }) => [p50Ms, p95Ms, maxMs].map(wholeSeconds).join(' / ')), '']);
  const { ours, fifo } = policies;
  return [
    '',
    `${name}: ${description}`,
    `${tasks} tasks, simulated in ${run.seconds.toFixed(2)} s`,
    '',
    ...tableLines([HEAD.slice(1), ...figureRows(run).map((row) => row.slice(1))]),
    '',
    ...tableLines([['wait: p50 / p95 / longest, s', ...TIERS.filter((tier) => Object.values(policies).some(({ waitOfTier }) => waitOfTier[tier])), ''], ...tiers]),
    ...(ours && fifo ? ['', `ours beats FIFO on p95 wait at equal or better utilisation: ${comparison(ours, fifo).text.replaceAll('*', '')}`] : []),
  ];
}

/** @param {readonly string[]} cells */
const markdownRow = (cells) => `| ${cells.join(' | ')} |`;
/** @param {readonly string[]} head */
const markdownHead = (head) => [markdownRow(head), `|${'---|'.repeat(head.length)}`];

/**
 * A trace's rows in the tables of docs/scheduling.md.
 * @param {TraceRun} run
 * @returns {{ figures: string[], comparison: string, tiers: string }}
 */
export const markdownRows = (run) => ({ figures: figureRows(run).map(markdownRow), comparison: markdownRow(comparisonRow(run)), tiers: markdownRow(tierRow(run)) });

/**
 * The tables of docs/scheduling.md.
 * @param {readonly TraceRun[]} runs
 * @returns {string[]}
 */
export function markdownTables(runs) {
  const rows = runs.map(markdownRows);
  return [
    ...markdownHead(HEAD),
    ...rows.flatMap(({ figures }) => figures),
    '',
    'Does ours have a shorter p95 wait at equal or better utilisation?',
    '',
    ...markdownHead(['trace', 'than FIFO per tier', 'than first fit']),
    ...rows.map((row) => row.comparison),
    '',
    'p95 wait by tier, seconds: ours / FIFO per tier / first fit.',
    '',
    ...markdownHead(['trace', ...TIERS]),
    ...rows.map(({ tiers }) => tiers),
  ];
}
