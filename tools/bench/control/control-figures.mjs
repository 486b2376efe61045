// @ts-check
// From what the rounds measured to the figures of the report. Pure.
import { median, pairedRatio, percentile, rounded } from '../statistics.mjs';

/**
 * One round of one side.
 * @typedef {object} Round
 * @property {number} perSecond tasks ended a second
 * @property {import('../task-client.mjs').TaskTimes[]} tasks
 * @property {Record<string, number>} cpuMsPerTask by process
 */

/** Rounds in the order in which they were measured; those of the same index are a pair. @typedef {{ floor: Round[], product: Round[] }} Pairs */

/** Moments of a task, in their order. */
export const MOMENTS = /** @type {const} */ (['ack', 'preparing', 'running', 'end']);
/** @typedef {typeof MOMENTS[number]} Moment */

/** @param {Round} round @param {Moment} moment */
const times = (round, moment) => round.tasks.map((task) => task[moment]);

/**
 * The middle of the rounds' medians: a round that something else disturbed does not move it.
 * @param {readonly Round[]} rounds
 * @param {Moment} moment
 */
export const typical = (rounds, moment) => median(rounds.map((round) => percentile(times(round, moment), 50)));

/**
 * Over all tasks of all rounds: a disturbance counts here.
 * @param {readonly Round[]} rounds
 * @param {Moment} moment
 */
export const worst1Percent = (rounds, moment) => percentile(rounds.flatMap((round) => times(round, moment)), 99);

/** @param {readonly Round[]} rounds */
export const throughput = (rounds) => median(rounds.map(({ perSecond }) => perSecond));

/** @param {Pairs} pairs */
export const throughputRatio = ({ floor, product }) => pairedRatio(product.map(({ perSecond }) => perSecond), floor.map(({ perSecond }) => perSecond));

/** @param {Pairs} pairs @param {Moment} moment */
export const typicalRatio = ({ floor, product }, moment) => pairedRatio(product.map((round) => percentile(times(round, moment), 50)), floor.map((round) => percentile(times(round, moment), 50)));

/**
 * CPU time per task of each process, the middle of the rounds.
 * @param {readonly Round[]} rounds
 * @returns {Record<string, number>}
 */
export function typicalCpu(rounds) {
  const names = Object.keys(rounds[0]?.cpuMsPerTask ?? {});
  return Object.fromEntries(names.map((name) => [name, median(rounds.map(({ cpuMsPerTask }) => cpuMsPerTask[name] ?? NaN))]));
}

/** All processes together. @param {Round} round */
const wholeCpu = ({ cpuMsPerTask }) => Object.values(cpuMsPerTask).reduce((sum, value) => sum + value, 0);

/** @param {readonly Round[]} rounds */
export const typicalWholeCpu = (rounds) => median(rounds.map(wholeCpu));

/** @param {Pairs} pairs */
export const cpuRatio = ({ floor, product }) => pairedRatio(product.map(wholeCpu), floor.map(wholeCpu));

/**
 * The figures by the names of protocol §8.
 * @param {object} measured
 * @param {Pairs} measured.one at 1 in flight
 * @param {Pairs} measured.many at 32 in flight
 * @param {number} measured.messagesPerTask
 * @param {{ apiReadyMs: number, workerReadyMs: number, apiIdleRssBytes: number, workerIdleRssBytes: number, apiLoadedRssBytes: number, workerLoadedRssBytes: number }} measured.processes
 * @returns {Record<string, number>}
 */
export function controlFigures({ one, many, messagesPerTask, processes }) {
  const figures = {
    tasksPerSecond1: throughput(one.product),
    tasksPerSecond32: throughput(many.product),
    floorTasksPerSecond1: throughput(one.floor),
    floorTasksPerSecond32: throughput(many.floor),
    ratioToFloor1: throughputRatio(one),
    ratioToFloor32: throughputRatio(many),
    ...latencies(one, ''),
    ...latencies(many, '32'),
    cpuMsPerTask32: typicalWholeCpu(many.product),
    floorCpuMsPerTask32: typicalWholeCpu(many.floor),
    cpuRatioToFloor32: cpuRatio(many),
    dispatchP50Ms: typical(one.product, 'preparing'),
    dispatchP99Ms: worst1Percent(one.product, 'preparing'),
    ...processes,
    messagesPerTask,
  };
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value, 3)]));
}

/**
 * @param {Pairs} pairs
 * @param {'' | '32'} at in flight, in the names; 1 goes without saying
 */
function latencies(pairs, at) {
  const { floor, product } = pairs;
  const named = /** @type {const} */ ([['ack', 'ack'], ['firstProgress', 'running'], ['end', 'end']]);
  return Object.fromEntries(
    named.flatMap(([name, moment]) => [
      [`${name}P50Ms${at}`, typical(product, moment)],
      [`${name}P99Ms${at}`, worst1Percent(product, moment)],
      [`floor${capital(name)}P50Ms${at}`, typical(floor, moment)],
      [`floor${capital(name)}P99Ms${at}`, worst1Percent(floor, moment)],
      [`${name}RatioToFloor${at}`, typicalRatio(pairs, moment)],
    ]),
  );
}

/** @param {string} word */
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);
