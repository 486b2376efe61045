// @ts-check
// The control bench's tables. Pure.
import { aimText, tableLines } from '../figure-table.mjs';
import { cpuRatio, throughput, throughputRatio, typical, typicalCpu, typicalRatio, typicalWholeCpu, worst1Percent } from './control-figures.mjs';

const MEBI = 1024 ** 2;
/** Issue 2, "How it is judged". */
const AIMS = {
  ackRatio: { atMost: 1.5 },
  throughputRatio32: { atLeast: 0.7 },
  dispatchP99Ms: { atMost: 15 },
  readyMs: { atMost: 3000 },
  idleMebibytes: { atMost: 150 },
};

/** @param {number} value @param {number} [digits] */
const text = (value, digits = 2) => value.toFixed(digits);

/** @type {readonly [import('./control-figures.mjs').Moment, string][]} */
const MOMENT_NAMES = [
  ['ack', 'acknowledgement'],
  ['preparing', 'dispatch (preparing)'],
  ['running', 'first progress (running)'],
  ['end', 'end'],
];

/**
 * @param {string} title
 * @param {import('./control-figures.mjs').Pairs} pairs
 * @param {{ tasksPerSecond?: import('../figure-table.mjs').Aim, ackP50?: import('../figure-table.mjs').Aim, dispatchP99?: import('../figure-table.mjs').Aim }} aims
 */
export function pairsTable(title, pairs, aims) {
  const { floor, product } = pairs;
  const rows = [[title, 'floor', 'product', 'ratio', '']];
  const ratio = throughputRatio(pairs);
  rows.push(['tasks/s', text(throughput(floor), 0), text(throughput(product), 0), text(ratio), aims.tasksPerSecond ? aimText(ratio, aims.tasksPerSecond) : '']);
  for (const [moment, name] of MOMENT_NAMES) {
    const middle = typicalRatio(pairs, moment);
    const [slowFloor, slowProduct] = [worst1Percent(floor, moment), worst1Percent(product, moment)];
    rows.push([`${name}, p50 ms`, text(typical(floor, moment)), text(typical(product, moment)), text(middle), moment === 'ack' && aims.ackP50 ? aimText(middle, aims.ackP50) : '']);
    rows.push([`${name}, p99 ms`, text(slowFloor), text(slowProduct), text(slowProduct / slowFloor), moment === 'preparing' && aims.dispatchP99 ? aimText(slowProduct, aims.dispatchP99, 'ms') : '']);
  }
  return tableLines(rows);
}

/**
 * CPU time per task, where it goes: hardly moved by what else the machine does.
 * @param {string} title
 * @param {import('./control-figures.mjs').Pairs} pairs
 */
export function cpuTable(title, pairs) {
  const { floor, product } = pairs;
  const [ours, bare] = [typicalCpu(product), typicalCpu(floor)];
  return tableLines([
    [title, 'floor', 'product', 'ratio', ''],
    ...Object.keys(ours).map((name) => [name, text(bare[name] ?? NaN), text(ours[name] ?? NaN), '', '']),
    ['together', text(typicalWholeCpu(floor)), text(typicalWholeCpu(product)), text(cpuRatio(pairs)), ''],
  ]);
}

/**
 * @param {object} measured
 * @param {import('./control-figures.mjs').Pairs} measured.one
 * @param {import('./control-figures.mjs').Pairs} measured.many
 * @param {Record<string, number>} measured.figures
 * @returns {string[]}
 */
export function controlReport({ one, many, figures }) {
  const of = (/** @type {string} */ name) => figures[name] ?? NaN;
  const mebibytes = (/** @type {string} */ name) => of(name) / MEBI;
  /** @param {string} name @param {string} ready @param {string} idle @param {string} loaded */
  const processRow = (name, ready, idle, loaded) => [
    name, text(of(ready), 0), text(mebibytes(idle), 0), text(mebibytes(loaded), 0),
    `${aimText(of(ready), AIMS.readyMs, 'ms')}; ${aimText(mebibytes(idle), AIMS.idleMebibytes, 'MiB')}`,
  ];
  return [
    '',
    ...pairsTable('1 task in flight', one, { ackP50: AIMS.ackRatio, dispatchP99: AIMS.dispatchP99Ms }),
    '',
    ...pairsTable('32 tasks in flight', many, { tasksPerSecond: AIMS.throughputRatio32 }),
    '',
    ...cpuTable('CPU ms per task at 32', many),
    '',
    ...tableLines([
      ['process', 'ready ms', 'idle MiB', 'MiB after load', ''],
      processRow('api', 'apiReadyMs', 'apiIdleRssBytes', 'apiLoadedRssBytes'),
      processRow('worker', 'workerReadyMs', 'workerIdleRssBytes', 'workerLoadedRssBytes'),
    ]),
    '',
    `Each task brings ${of('messagesPerTask')} messages to the client on both sides. p50 and tasks/s: medians of ${one.product.length} rounds, taken in turn with the floor's;`,
    'their ratios: medians over the pairs; p99: over all tasks. First progress: the first task_progress with status running.',
  ];
}
