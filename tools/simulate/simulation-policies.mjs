// @ts-check
// The policies of libs/scheduling, each with a line of its own, as the simulator drives them.
import { BYPASS_LIMIT, fairShare, fifoPerTier, firstFit, gpuResource, WaitingLine } from '@function-runner/scheduling';

/** By the names of the command line, in the order of the tables. */
const DECIDERS = { ours: fairShare, fifo: fifoPerTier, 'first-fit': firstFit };

/** @typedef {keyof typeof DECIDERS} PolicyName */

export const POLICIES = /** @type {PolicyName[]} */ (Object.keys(DECIDERS));

/** How often ours lets a task be passed over before a device is kept for it. */
export const PASSED_OVER_LIMIT = BYPASS_LIMIT;

/**
 * A policy with nobody waiting yet.
 * @param {PolicyName} name
 * @returns {import('./simulate-trace.mjs').Policy}
 */
export function newPolicy(name) {
  const line = new WaitingLine();
  let passedOver = 0;
  return {
    submitted: (task) => line.add(task),
    decide: (cluster) => DECIDERS[name].decide(line, cluster, { most: Infinity }),
    started({ task: { taskId }, placement: { hostId, devices, amounts, warm } }, cluster) {
      passedOver = Math.max(passedOver, line.bypassesOf(taskId));
      line.noteStart({ taskId, resources: [...new Set([...Object.keys(warm?.amounts ?? amounts), ...devices.map(gpuResource)])], warm: warm !== undefined }, hostId, cluster);
    },
    passedOver: () => passedOver,
  };
}
