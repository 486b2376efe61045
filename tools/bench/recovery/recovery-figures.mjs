// @ts-check
// From the recoveries to the figures and the tables. Pure.
import { aimText, tableLines } from '../figure-table.mjs';
import { pairedRatio, percentile, rounded } from '../statistics.mjs';

/**
 * One fault after the other, each with its floor, measured right before it.
 * @typedef {{ floor: readonly number[], recovery: readonly number[] }} Pairs milliseconds
 */

/**
 * @typedef {object} Recoveries
 * @property {Pairs} workerKilled
 * @property {Pairs} redisRestarted to the first progress of a new task
 * @property {readonly number[]} redisRestartedAck to its acknowledgement
 * @property {Pairs} daemonRestarted
 * @property {Pairs} apiKilled
 */

/** Issue 4, and faults.md A and D; nobody has set a bound for the container engine. @type {Record<string, import('../figure-table.mjs').Aim>} */
export const BOUNDS = {
  workerKilledP95Ms: { atMost: 15_000 },
  redisRestartedP95Ms: { atMost: 30_000 },
  apiKilledP95Ms: { atMost: 10_000 },
};

/** What BullMQ at its defaults takes from the end of a worker to its task's end elsewhere, less the 3 s of the task itself: measured once, and not again here. */
const BULLMQ_DEFAULT_S = 60;

const PAIRED = /** @type {const} */ (['workerKilled', 'redisRestarted', 'daemonRestarted', 'apiKilled']);

/**
 * @param {Recoveries} recoveries
 * @returns {Record<string, number>}
 */
export function recoveryFigures(recoveries) {
  const figures = {
    ...Object.fromEntries(PAIRED.flatMap((name) => Object.entries(pairFigures(name, recoveries[name])))),
    redisRestartedAckP50Ms: percentile(recoveries.redisRestartedAck, 50),
    redisRestartedAckP95Ms: percentile(recoveries.redisRestartedAck, 95),
    bareRunP50Ms: percentile([...recoveries.workerKilled.floor, ...recoveries.redisRestarted.floor, ...recoveries.daemonRestarted.floor], 50),
    reconnectP50Ms: percentile(recoveries.apiKilled.floor, 50),
    runs: Math.min(...PAIRED.map((name) => recoveries[name].recovery.length)),
  };
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value, 3)]));
}

/** @param {string} name @param {Pairs} pairs @returns {Record<string, number>} */
function pairFigures(name, { floor, recovery }) {
  return { [`${name}P50Ms`]: percentile(recovery, 50), [`${name}P95Ms`]: percentile(recovery, 95), [`${name}RatioToFloor`]: pairedRatio(recovery, floor) };
}

/**
 * @param {Record<string, number>} figures
 * @param {{ image: string, how: string }} compared
 * @returns {string[]}
 */
export function recoveryReport(figures, { image, how }) {
  const of = (/** @type {string} */ name) => figures[name] ?? NaN;
  /** @param {string} title @param {string} name */
  const row = (title, name) => {
    const bound = BOUNDS[`${name}P95Ms`];
    const ratio = figures[`${name}RatioToFloor`];
    return [title, of(`${name}P50Ms`).toFixed(0), of(`${name}P95Ms`).toFixed(0), ratio === undefined ? '' : ratio.toFixed(1), bound === undefined ? '' : aimText(of(`${name}P95Ms`), bound, 'ms')];
  };
  return [
    '',
    ...tableLines([
      ['ms', 'p50', 'p95', 'to floor', ''],
      row('worker killed, to its task running elsewhere', 'workerKilled'),
      row('Redis restarted, to a new task acknowledged', 'redisRestartedAck'),
      row('Redis restarted, to its first progress', 'redisRestarted'),
      row('daemon restarted, to its task running again', 'daemonRestarted'),
      row('api killed, to its client going on at the other', 'apiKilled'),
    ]),
    '',
    `${of('runs')} runs of each. The first from the signal, the last too; Redis from its first PONG, the daemon from its first answer.`,
    `Floors, measured before each fault: \`docker run\` of ${image} by ${how} (p50 ${of('bareRunP50Ms').toFixed(0)} ms); for the api, a client that`,
    `goes to the other one with both alive (p50 ${of('reconnectP50Ms').toFixed(1)} ms). BullMQ at its defaults takes ${BULLMQ_DEFAULT_S} s to run a killed worker's job again.`,
  ];
}
