// @ts-check
// The figures of runs by the names of protocol §8: each says its unit. Pure.
import { rounded } from '../bench/statistics.mjs';

/** @typedef {import('./run-trace.mjs').TraceRun} TraceRun */

/**
 * `tasks` and `seconds` are those of all runs together, `seconds` of this machine; the others of each trace, by its name,
 * are of the trace's own clock.
 * @param {readonly TraceRun[]} runs
 * @returns {Record<string, number | Record<string, number>>}
 */
export function simulationFigures(runs) {
  return {
    tasks: runs.reduce((sum, { tasks, policies }) => sum + tasks * Object.keys(policies).length, 0),
    seconds: rounded(runs.reduce((sum, run) => sum + run.seconds, 0), 3),
    ...Object.fromEntries(runs.map((run) => [run.name, traceFigures(run)])),
  };
}

/** @param {TraceRun} run @returns {Record<string, number>} */
function traceFigures({ tasks, seconds, bounds, policies }) {
  const ofPolicies = Object.entries(policies).flatMap(([policy, metrics]) => {
    const prefix = policy.replace(/-(.)/g, (_match, letter) => letter.toUpperCase());
    return Object.entries({ ...metricFigures(metrics), ...tierFigures(metrics) }).map(([name, value]) => [`${prefix}${name}`, value]);
  });
  return Object.fromEntries([
    ['tasks', tasks],
    ['seconds', seconds],
    ['boundMakespanSeconds', bounds.makespanMs / 1000],
    ['boundMeanWaitSeconds', bounds.meanWaitMs / 1000],
    ['boundUtilisationRatio', bounds.utilisation],
    ...ofPolicies,
  ].map(([name, value]) => [name, rounded(Number(value), 4)]));
}

/** @param {import('./run-trace.mjs').PolicyRun} metrics */
const metricFigures = ({ utilisation, makespanMs, wait, projectP95Ms, fairness, passedOver, overtaken, coldStarts }) => ({
  UtilisationRatio: utilisation,
  MakespanSeconds: makespanMs / 1000,
  MeanWaitSeconds: wait.meanMs / 1000,
  ...waitFigures(wait),
  MiddleProjectP95WaitSeconds: projectP95Ms / 1000,
  FairnessIndex: fairness,
  PassedOverCount: passedOver,
  OvertakenCount: overtaken,
  ColdStartCount: coldStarts,
});

/** @param {import('./run-trace.mjs').PolicyRun} metrics */
const tierFigures = ({ waitOfTier }) =>
  Object.fromEntries(Object.entries(waitOfTier).flatMap(([tier, wait]) => Object.entries(waitFigures(wait)).map(([name, value]) => [`${tier.charAt(0).toUpperCase()}${tier.slice(1)}${name}`, value])));

/** @param {import('./run-metrics.mjs').Waits} wait */
const waitFigures = ({ p50Ms, p95Ms, maxMs }) => ({ P50WaitSeconds: p50Ms / 1000, P95WaitSeconds: p95Ms / 1000, MaxWaitSeconds: maxMs / 1000 });
