// @ts-check
// From what happened to each task to the figures of a run. Pure. The words are defined in docs/scheduling.md.
import { median, percentile } from '../bench/statistics.mjs';
import { jainIndex, shareRatios } from './project-shares.mjs';

/**
 * What became of a task. Times are milliseconds of the trace.
 * @typedef {object} Outcome
 * @property {import('./read-trace.mjs').TraceTask} task
 * @property {number} startedAt when it got its lease
 * @property {number} coldMs until its own work began
 * @property {number} endedAt
 */

/** @typedef {{ p50Ms: number, p95Ms: number, maxMs: number, meanMs: number }} Waits */

/**
 * @typedef {object} RunMetrics
 * @property {number} makespanMs from the first submission to the last end
 * @property {number} utilisation device memory times time that tasks' own work needed, of all that there was until the last end
 * @property {Waits} wait
 * @property {Partial<Record<import('./read-trace.mjs').QualityTier, Waits>>} waitOfTier
 * @property {number} projectP95Ms the 95th percentile of each project's own waits, and of those the median: what the project in the middle sees, however few its tasks
 * @property {number} fairness Jain's index over the projects' shares
 * @property {number} coldStarts
 * @property {number} overtaken the most tasks that were submitted after one and started before it
 */

/**
 * @param {import('./read-trace.mjs').Trace} trace
 * @param {readonly Outcome[]} outcomes of all tasks
 * @returns {RunMetrics}
 */
export function runMetrics(trace, outcomes) {
  const claims = outcomes.map(({ task, startedAt, endedAt }) => ({ projectId: task.projectId, amount: vramOf(trace, task), wantedFrom: task.at, heldFrom: startedAt, until: endedAt }));
  const makespanMs = Math.max(...outcomes.map(({ endedAt }) => endedAt)) - Math.min(...outcomes.map(({ task }) => task.at));
  const tiers = new Set(trace.tasks.map(({ tier }) => tier));
  return {
    makespanMs,
    utilisation: neededShare(trace, makespanMs),
    wait: waits(outcomes),
    waitOfTier: Object.fromEntries([...tiers].map((tier) => [tier, waits(outcomes.filter(({ task }) => task.tier === tier))])),
    projectP95Ms: median([...new Set(outcomes.map(({ task }) => task.projectId))].map((projectId) => waits(outcomes.filter(({ task }) => task.projectId === projectId)).p95Ms)),
    fairness: jainIndex([...shareRatios(wholeVram(trace), claims).values()]),
    coldStarts: outcomes.filter(({ coldMs }) => coldMs > 0).length,
    overtaken: Math.max(...overtakings(outcomes)),
  };
}

/** @param {import('./read-trace.mjs').Trace} trace bytes of all devices together */
export const wholeVram = ({ hosts }) => hosts.reduce((sum, { devices }) => sum + devices.reduce((ofHost, { vramBytes }) => ofHost + vramBytes, 0), 0);

/**
 * What of the device memory, times so much time, the tasks' own work needs.
 * @param {import('./read-trace.mjs').Trace} trace
 * @param {number} timeMs
 */
export const neededShare = (trace, timeMs) => trace.tasks.reduce((sum, task) => sum + vramOf(trace, task) * task.durationMs, 0) / (wholeVram(trace) * timeMs);

/** @param {import('./read-trace.mjs').Trace} trace @param {import('./read-trace.mjs').TraceTask} task bytes of all its devices together */
function vramOf({ pipelines }, { pipelineId }) {
  const pipeline = pipelines.get(pipelineId);
  if (pipeline === undefined) throw new Error(`there is no pipeline ${pipelineId}`);
  return pipeline.demand.gpus * pipeline.demand.vramBytes;
}

/**
 * A task waits while it is submitted and its own work has not begun: for its lease, and for a cold start.
 * @param {Outcome} outcome
 */
export const waitMs = ({ task, startedAt, coldMs }) => startedAt + coldMs - task.at;

/** @param {readonly Outcome[]} outcomes @returns {Waits} */
function waits(outcomes) {
  const values = outcomes.map(waitMs);
  return { p50Ms: percentile(values, 50), p95Ms: percentile(values, 95), maxMs: Math.max(...values), meanMs: values.reduce((sum, value) => sum + value, 0) / values.length };
}

/**
 * For each task, how many that were submitted after it got their lease before it.
 * @param {readonly Outcome[]} outcomes
 * @returns {number[]}
 */
export function overtakings(outcomes) {
  const bySubmission = [...outcomes].sort((one, other) => one.task.at - other.task.at || (one.task.taskId < other.task.taskId ? -1 : 1));
  const places = new Map(bySubmission.map((outcome, place) => [outcome, place]));
  const byStart = [...outcomes].sort((one, other) => one.startedAt - other.startedAt || (places.get(one) ?? NaN) - (places.get(other) ?? NaN));
  // Fenwick's tree of those that have started, by their place from the end: how many later ones are in it is a sum of few cells.
  const size = outcomes.length;
  const cells = new Uint32Array(size + 1);
  return byStart.map((outcome) => {
    const fromEnd = size - (places.get(outcome) ?? NaN);
    let later = 0;
    for (let cell = fromEnd - 1; cell > 0; cell -= cell & -cell) later += cells[cell] ?? 0;
    for (let cell = fromEnd; cell <= size; cell += cell & -cell) cells[cell] = (cells[cell] ?? 0) + 1;
    return later;
  });
}
