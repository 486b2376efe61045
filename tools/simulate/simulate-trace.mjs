// @ts-check
// The clock: what is submitted, ends or has been idle too long happens at its time, and after each moment the policy decides.
import { EventHeap } from './event-heap.mjs';
import { SimulatedCluster } from './simulated-cluster.mjs';

/** Decisions at one moment: each gives up a reservation or is the last, and there are as few of them as devices. */
const MOST_ROUNDS = 1000;

/** @typedef {import('@function-runner/scheduling').WaitingTask} WaitingTask */
/** @typedef {import('./run-metrics.mjs').Outcome} Outcome */
/** @typedef {import('./read-trace.mjs').TraceTask} TraceTask */

/** @typedef {Pick<import('@function-runner/scheduling').Schedule, 'starts' | 'reservations'>} Decision */
/** @typedef {import('@function-runner/scheduling').ClusterState} ClusterState */

/**
 * Chooses what starts. It keeps the waiting line itself: a task is in it from `submitted` until `started`.
 * @typedef {object} Policy
 * @property {(task: WaitingTask) => void} submitted
 * @property {(cluster: ClusterState) => Decision} decide all that is to start now, each where it fits after those before it, and all that is to be kept for others
 * @property {(start: import('@function-runner/scheduling').Start, cluster: ClusterState) => void} started told before the cluster changes
 * @property {() => number} passedOver how often at the most a task was passed over until it started: WaitingLine.noteStart
 */

/** @typedef {{ kind: 'submitted', task: TraceTask } | { kind: 'ended', outcome: Outcome } | { kind: 'idled', leaseId: string, since: number }} Event */

/**
 * @param {import('./read-trace.mjs').Trace} trace
 * @param {Policy} policy
 * @returns {Outcome[]} of all tasks, in the order of their ends
 */
export function simulateTrace(trace, policy) {
  const cluster = new SimulatedCluster(trace);
  /** @type {EventHeap<Event>} */
  const events = new EventHeap();
  for (const task of trace.tasks) events.put(task.at, { kind: 'submitted', task });
  /** @type {Map<string, TraceTask>} */
  const waiting = new Map();
  /** @type {Outcome[]} */
  const outcomes = [];

  /** @param {number} now @param {Event} event */
  function happen(now, event) {
    if (event.kind === 'submitted') {
      waiting.set(event.task.taskId, event.task);
      policy.submitted(waitingTask(trace, event.task));
    } else if (event.kind === 'ended') {
      const leaseId = cluster.end(event.outcome.task, now);
      if (leaseId !== undefined) events.put(now + trace.warm.idleMs, { kind: 'idled', leaseId, since: now });
      outcomes.push(event.outcome);
    } else cluster.endIdle(event.leaseId, event.since);
  }

  /** @param {number} now @returns {boolean} whether something is free that was not before */
  function decideOnce(now) {
    const { starts, reservations } = policy.decide(cluster.state);
    for (const start of starts) {
      const { taskId } = start.task;
      const task = waiting.get(taskId);
      if (task === undefined) throw new Error(`${taskId} was to be started and does not wait`);
      waiting.delete(taskId);
      policy.started(start, cluster.state);
      const coldMs = cluster.start(task, start.placement);
      const endedAt = now + coldMs + task.durationMs;
      events.put(endedAt, { kind: 'ended', outcome: { task, startedAt: now, coldMs, endedAt } });
    }
    return cluster.keepFor(reservations);
  }

  for (let now = events.nextAt; now !== undefined; now = events.nextAt) {
    let isDecisive = false;
    while (events.nextAt === now) {
      const event = events.take();
      if (event === undefined) break;
      happen(now, event);
      // Whoever wanted an idle container's memory could have had it ended.
      if (event.kind !== 'idled') isDecisive = true;
    }
    if (!isDecisive) continue;
    // What is not kept any more may be used at once.
    for (let round = 1; decideOnce(now); round += 1) if (round > MOST_ROUNDS) throw new Error(`at ${now} ms reservations come and go without end`);
  }
  if (waiting.size > 0) throw new Error(`${waiting.size} tasks were never started, ${waiting.keys().next().value} the first of them, with everything idle`);
  if (outcomes.length !== trace.tasks.length || cluster.running > 0) throw new Error(`${outcomes.length} of ${trace.tasks.length} tasks ended, ${cluster.running} run`);
  return outcomes;
}

/** @param {import('./read-trace.mjs').Trace} trace @param {TraceTask} task @returns {WaitingTask} */
function waitingTask({ pipelines }, { taskId, tier, projectId, pipelineId, priority, at }) {
  const pipeline = pipelines.get(pipelineId);
  if (pipeline === undefined) throw new Error(`there is no pipeline ${pipelineId}`);
  return { taskId, tier, projectId, pipelineId, priority, submittedAt: at, demand: pipeline.demand };
}
