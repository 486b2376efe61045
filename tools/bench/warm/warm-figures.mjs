// @ts-check
// From the tasks to the figures and the tables. Pure.
import { aimText, tableLines } from '../figure-table.mjs';
import { percentile, rounded } from '../statistics.mjs';

const MEBI = 1024 ** 2;
/** Issue 2, "How it is judged". */
const AIMS = { firstProgressMs: { atMost: 8 }, tasksPerSecond: { atLeast: 100 } };

/**
 * @typedef {import('../task-client.mjs').TaskTimes} TaskTimes
 * @typedef {{ cold: readonly TaskTimes[], warm: readonly TaskTimes[] }} Sides
 */

/**
 * @typedef {object} WarmRuns
 * @property {Sides} trivial
 * @property {readonly TaskTimes[]} backToBack warm, each as soon as the one before has ended
 * @property {Sides} upscale
 * @property {readonly number[]} bare milliseconds of each bare run
 * @property {{ inFlight: number, perSecond: number, cpuMsPerTask: Record<string, number> }} load
 * @property {{ tasks: number, before: import('./worker-footprint.mjs').Footprint, after: import('./worker-footprint.mjs').Footprint }} growth
 */

/** @param {readonly TaskTimes[]} tasks */
const firstProgress = (tasks) => tasks.map((task) => task.firstProgress);
/** @param {readonly TaskTimes[]} tasks */
const end = (tasks) => tasks.map((task) => task.end);

/**
 * @param {WarmRuns} runs
 * @returns {Record<string, number>}
 */
export function warmFigures({ trivial, backToBack, upscale, bare, load, growth }) {
  const dockerRunPerSecond = (bare.length * 1000) / bare.reduce((sum, ms) => sum + ms, 0);
  const figures = {
    ...latencies(trivial.warm, ''),
    ...latencies(trivial.cold, 'cold'),
    ...latencies(backToBack, 'backToBack'),
    tasksPerSecond: load.perSecond,
    inFlight: load.inFlight,
    dockerRunPerSecond,
    ratioToDockerRun: load.perSecond / dockerRunPerSecond,
    workerCpuMsPerTask: load.cpuMsPerTask.worker ?? NaN,
    growthTasks: growth.tasks,
    rssGrowthBytes: growth.after.rssBytes - growth.before.rssBytes,
    heapGrowthBytes: growth.after.heapBytes - growth.before.heapBytes,
    fileDescriptorGrowth: growth.after.fileDescriptors - growth.before.fileDescriptors,
    ...latencies(upscale.warm, 'upscale'),
    ...latencies(upscale.cold, 'upscaleCold'),
  };
  return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, rounded(value, 3)]));
}

/** @param {readonly TaskTimes[]} tasks @param {string} prefix */
function latencies(tasks, prefix) {
  const name = (/** @type {string} */ word) => (prefix === '' ? word : `${prefix}${word.charAt(0).toUpperCase()}${word.slice(1)}`);
  return {
    [name('firstProgressP50Ms')]: percentile(firstProgress(tasks), 50),
    [name('firstProgressP99Ms')]: percentile(firstProgress(tasks), 99),
    [name('endP50Ms')]: percentile(end(tasks), 50),
    [name('endP99Ms')]: percentile(end(tasks), 99),
  };
}

/**
 * @param {WarmRuns} runs
 * @param {Record<string, number>} figures
 * @param {{ image: string, how: string, pauseMs: number, pictureSide: number }} compared
 * @returns {string[]}
 */
export function warmReport({ trivial, backToBack, upscale, bare, load, growth }, figures, { image, how, pauseMs, pictureSide }) {
  const of = (/** @type {string} */ name) => figures[name] ?? NaN;
  const { before, after } = growth;
  return [
    '',
    ...tableLines([
      ['ms', 'cold p50', 'cold p99', 'warm p50', 'warm p99', ''],
      latencyRow('first progress', firstProgress(trivial.cold), firstProgress(trivial.warm), aimText(of('firstProgressP50Ms'), AIMS.firstProgressMs, 'ms')),
      latencyRow('end', end(trivial.cold), end(trivial.warm)),
      latencyRow('first progress, back to back', [], firstProgress(backToBack)),
      latencyRow('end, back to back', [], end(backToBack)),
      latencyRow(`upscale of ${pictureSide} px, first progress`, firstProgress(upscale.cold), firstProgress(upscale.warm)),
      latencyRow(`upscale of ${pictureSide} px, end`, end(upscale.cold), end(upscale.warm)),
    ]),
    '',
    ...tableLines([
      ['tasks a second', '', ''],
      [`one worker, warm, ${load.inFlight} in flight`, load.perSecond.toFixed(0), aimText(load.perSecond, AIMS.tasksPerSecond)],
      ['bare docker run, one after the other', of('dockerRunPerSecond').toFixed(1), ''],
      ['ratio', of('ratioToDockerRun').toFixed(1), ''],
      ['CPU ms per task', Object.values(load.cpuMsPerTask).reduce((sum, ms) => sum + ms, 0).toFixed(1), Object.entries(load.cpuMsPerTask).map(([name, ms]) => `${name} ${ms.toFixed(1)}`).join(', ')],
    ]),
    '',
    ...tableLines([
      [`worker over ${growth.tasks} warm tasks`, 'before', 'after', 'growth', ''],
      growthRow('resident MiB', before.rssBytes / MEBI, after.rssBytes / MEBI, 1),
      growthRow('heap MiB', before.heapBytes / MEBI, after.heapBytes / MEBI, 1),
      growthRow('file descriptors', before.fileDescriptors, after.fileDescriptors, 0),
    ]),
    '',
    `First progress: the first task_progress of more than 0; both from the client's request. At 1 in flight: ${trivial.cold.length} cold tasks (a worker that keeps`,
    `no container) in turn with ${trivial.warm.length} warm ones ${pauseMs} ms apart; ${backToBack.length} back to back; ${upscale.cold.length} and ${upscale.warm.length} upscales. Bare: ${bare.length} times \`docker run\``,
    `of ${image} by ${how}. The worker's memory is taken at rest, after its garbage was collected.`,
  ];
}

/** @param {string} name @param {readonly number[]} cold @param {readonly number[]} warm @param {string} [aim] */
function latencyRow(name, cold, warm, aim = '') {
  const cells = [cold, warm].flatMap((values) => [50, 99].map((percent) => (values.length === 0 ? '' : percentile(values, percent).toFixed(1))));
  return [name, ...cells, aim];
}

/** @param {string} name @param {number} before @param {number} after @param {number} digits */
const growthRow = (name, before, after, digits) => [name, before.toFixed(digits), after.toFixed(digits), (after - before).toFixed(digits), ''];
