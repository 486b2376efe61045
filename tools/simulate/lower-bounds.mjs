// @ts-check
// What no policy can beat, from relaxations of a trace: each forgets something that binds in truth (that tasks are whole,
// that a device is one, that a start is cold), so a true optimum lies at or above it. Pure. Proofs in words: docs/scheduling.md.
import { EventHeap } from './event-heap.mjs';
import { wholeVram } from './run-metrics.mjs';

/** @typedef {import('./read-trace.mjs').Trace} Trace */
/** @typedef {import('./read-trace.mjs').TraceTask} TraceTask */

/**
 * One thing of which there is so much, and the tasks that take a part of it while they work.
 * @typedef {{ capacity: number, parts: readonly { task: TraceTask, amount: number }[] }} Relaxation
 */

/**
 * Milliseconds. `makespanMs` from the first submission to the last end, `meanWaitMs` of all tasks.
 * @param {Trace} trace
 * @returns {{ makespanMs: number, meanWaitMs: number }}
 */
export function lowerBounds(trace) {
  const relaxations = relaxationsOf(trace, trace.tasks);
  const lastEnd = Math.max(...trace.tasks.map(({ at, durationMs }) => at + durationMs), ...relaxations.map(lastEndBound));
  const tiers = [...new Set(trace.tasks.map(({ tier }) => tier))];
  // A tier's tasks wait no less than they would without the others, so tiers may be added up.
  const byTier = tiers.map((tier) => Math.max(0, ...relaxationsOf(trace, trace.tasks.filter((task) => task.tier === tier)).map(waitSumBound)));
  const waitSum = Math.max(byTier.reduce((sum, ofTier) => sum + ofTier, 0), ...relaxations.map(waitSumBound));
  return { makespanMs: lastEnd - Math.min(...trace.tasks.map(({ at }) => at)), meanWaitMs: waitSum / trace.tasks.length };
}

/**
 * @param {Trace} trace
 * @param {readonly TraceTask[]} tasks
 * @returns {Relaxation[]}
 */
function relaxationsOf({ hosts, limits, pipelines, ...trace }, tasks) {
  const withDemand = tasks.map((task) => ({ task, demand: demandOf(pipelines, task) }));
  const onDevices = withDemand.filter(({ demand }) => demand.gpus > 0);
  const onHosts = withDemand.filter(({ demand }) => demand.gpus === 0);
  const sizes = hosts.flatMap(({ devices }) => devices.map(({ vramBytes }) => vramBytes));
  const whole = onDevices.filter(({ demand }) => !demand.splittable);
  return [
    { capacity: wholeVram({ hosts, limits, pipelines, ...trace }), parts: onDevices.map(({ task, demand }) => ({ task, amount: demand.gpus * demand.vramBytes })) },
    // Those that want at least so much of a device: no more of them fit at once than each device holds of the smallest, and
    // they share the memory of the devices that are big enough.
    ...[...new Set(whole.map(({ demand }) => demand.vramBytes))].flatMap((least) => {
      const big = whole.filter(({ demand }) => demand.vramBytes >= least);
      return [
        { capacity: sizes.reduce((sum, size) => sum + Math.floor(size / least), 0), parts: big.map(({ task, demand }) => ({ task, amount: demand.gpus })) },
        { capacity: sizes.reduce((sum, size) => sum + (size >= least ? size : 0), 0), parts: big.map(({ task, demand }) => ({ task, amount: demand.gpus * demand.vramBytes })) },
      ];
    }),
    { capacity: hosts.reduce((sum, { cpuMillis }) => sum + cpuMillis, 0), parts: onHosts.map(({ task, demand }) => ({ task, amount: demand.cpuMillis })) },
    { capacity: hosts.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0), parts: onHosts.map(({ task, demand }) => ({ task, amount: demand.memoryBytes })) },
    ...[...new Set(tasks.map(({ tier }) => tier))].map((tier) => ({ capacity: limits[tier], parts: tasks.filter((task) => task.tier === tier).map((task) => ({ task, amount: 1 })) })),
  ].filter(({ parts }) => parts.length > 0);
}

/** @param {Trace['pipelines']} pipelines @param {TraceTask} task */
function demandOf(pipelines, { pipelineId }) {
  const pipeline = pipelines.get(pipelineId);
  if (pipeline === undefined) throw new Error(`no pipeline ${pipelineId}`);
  return pipeline.demand;
}

/**
 * What is submitted from a moment on is not done before that moment and all its work at full use.
 * @param {Relaxation} relaxation
 */
function lastEndBound({ capacity, parts }) {
  let work = 0;
  let latest = 0;
  for (const { task, amount } of [...parts].sort((one, other) => other.task.at - one.task.at)) {
    work += (amount * task.durationMs) / capacity;
    latest = Math.max(latest, task.at + work);
  }
  return latest;
}

/**
 * The thing as one machine that works on one task at a time, as fast as the whole, and may leave it at any time for another:
 * any true schedule is one of that machine with tasks in slices. It makes the sum of the tasks' mean busy times least by
 * taking always the one with the least work (Goemans, 1997); in truth that is a task's start and half its duration. The
 * machine's busy periods have nothing to do with each other, and in each tasks wait at least nothing.
 * @param {Relaxation} relaxation
 * @returns {number} milliseconds of all tasks together
 */
function waitSumBound({ capacity, parts }) {
  const arriving = [...parts]
    .sort((one, other) => one.task.at - other.task.at)
    .map(({ task, amount }) => ({ task, work: (amount * task.durationMs) / capacity, left: (amount * task.durationMs) / capacity }));
  /** @type {EventHeap<typeof arriving[number]>} */
  const waiting = new EventHeap();
  let [sum, ofPeriod, now, arrived] = [0, 0, 0, 0];
  for (;;) {
    for (let job = arriving[arrived]; job !== undefined && job.task.at <= now; job = arriving[arrived]) {
      waiting.put(job.work, job);
      arrived += 1;
    }
    const nextAt = arriving[arrived]?.task.at ?? Infinity;
    const job = waiting.take();
    if (job === undefined) {
      sum += Math.max(0, ofPeriod);
      if (nextAt === Infinity) return sum;
      [ofPeriod, now] = [0, nextAt];
      continue;
    }
    const isDone = now + job.left <= nextAt;
    const until = isDone ? now + job.left : nextAt;
    // The slice's share of its mean busy time.
    ofPeriod += ((until - now) / job.work) * ((now + until) / 2);
    job.left -= until - now;
    now = until;
    if (isDone) ofPeriod -= job.task.at + job.task.durationMs / 2;
    else waiting.put(job.work, job);
  }
}
