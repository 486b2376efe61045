// @ts-check
import { lowerBounds } from './lower-bounds.mjs';
import { neededShare, runMetrics } from './run-metrics.mjs';
import { simulateTrace } from './simulate-trace.mjs';
import { newPolicy } from './simulation-policies.mjs';

/** @typedef {import('./simulation-policies.mjs').PolicyName} PolicyName */
/** @typedef {import('./run-metrics.mjs').RunMetrics & { passedOver: number }} PolicyRun */

/**
 * A trace under some policies, beside what none could beat.
 * @typedef {object} TraceRun
 * @property {string} name
 * @property {string} description
 * @property {number} tasks
 * @property {ReturnType<typeof lowerBounds> & { utilisation: number }} bounds for the utilisation it is an upper one
 * @property {Partial<Record<PolicyName, PolicyRun>>} policies
 * @property {number} seconds of this machine, for all of it
 */

/**
 * @param {import('./read-trace.mjs').Trace} trace
 * @param {readonly PolicyName[]} policies
 * @returns {TraceRun}
 */
export function runTrace(trace, policies) {
  const began = performance.now();
  const runs = policies.map((name) => {
    const policy = newPolicy(name);
    const metrics = runMetrics(trace, simulateTrace(trace, policy));
    return /** @type {const} */ ([name, { ...metrics, passedOver: policy.passedOver() }]);
  });
  const bounds = lowerBounds(trace);
  return {
    name: trace.name,
    description: trace.description,
    tasks: trace.tasks.length,
    bounds: { ...bounds, utilisation: neededShare(trace, bounds.makespanMs) },
    policies: Object.fromEntries(runs),
    seconds: (performance.now() - began) / 1000,
  };
}
