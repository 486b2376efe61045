import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import type { ClusterState } from './cluster-state.js';
import { estimateWaits, type RunningTask } from './estimate-waits.js';
import { cluster, device, host, onCores, onGpus, waitingTask } from './scheduling.fixture.js';
import type { WaitingTask } from './waiting-task.js';

/** Two devices with 24 GiB, and so many of each tier at once. */
const twoDevices = (limit = 10, running: Partial<Record<QualityTier, number>> = {}): ClusterState =>
  cluster([host('a', { devices: [device('0', 24), device('1', 24)] })], Object.fromEntries(QUALITY_TIERS.map((tier) => [tier, { running: running[tier] ?? 0, limit }])));

const SECONDS: Record<string, number | undefined> = { flux: 60, quick: 10, slow: 600 };
const durationOf = (pipelineId: string): number | undefined => SECONDS[pipelineId];
const runs = (remainingSeconds: number | undefined, changes: Partial<RunningTask> = {}): RunningTask => ({ tier: 'standard', demand: onGpus(16), remainingSeconds, ...changes });
const many = (count: number, changes: Partial<WaitingTask> = {}): WaitingTask[] => Array.from({ length: count }, (_, index) => waitingTask(`t${index}`, changes));

describe('estimateWaits', () => {
  test.each<[string, WaitingTask[], RunningTask[], ClusterState, (number | undefined)[]]>([
    ['nobody', [], [], twoDevices(), []],
    ['at once what has a place', many(2), [], twoDevices(), [0, 0]],
    ['one after another on as many devices as hold one', many(5), [], twoDevices(), [0, 0, 60, 60, 120]],
    ['two on a device', many(5, { demand: onGpus(12) }), [], twoDevices(), [0, 0, 0, 0, 60]],
    ['one after another in a tier', many(3), [], twoDevices(1), [0, 60, 120]],
    ['after what runs', many(3), [runs(30), runs(50)], twoDevices(), [30, 50, 90]],
    ['after what runs of the tier', many(2), [runs(30)], twoDevices(1, { standard: 1 }), [30, 90]],
    ['beside a tier that is full', [waitingTask('x'), waitingTask('y', { tier: 'low' })], [runs(30)], twoDevices(1, { standard: 1 }), [30, 0]],
    ['at once after what should have ended', many(3), [runs(-5), runs(20)], twoDevices(), [0, 20, 60]],
    ['a quick one and what follows it', [waitingTask('x', { pipelineId: 'quick' }), waitingTask('y'), waitingTask('z')], [], twoDevices(), [0, 0, 10]],
    ['small ones past a big one that waits', [waitingTask('big', { demand: onGpus(20, { gpus: 2 }) }), waitingTask('cores', { demand: onCores(2, 2) }), waitingTask('small', { demand: onGpus(8) })], [runs(30)], twoDevices(), [30, 0, 0]],
    ['as many as the cores allow', many(5, { demand: onCores(4, 4) }), [], twoDevices(), [0, 0, 60, 60, 120]],
    ['one that wants more cores than there are', many(2, { demand: onCores(64, 4) }), [], twoDevices(), [0, 60]],
    ['a part of all memory for what differs in size', [...many(1, { demand: onGpus(24, { gpus: 2 }) }), waitingTask('y', { demand: onGpus(1) })], [], twoDevices(), [0, 60]],

    ['nothing known of what has to wait for one of unknown length', many(3, { pipelineId: 'unmeasured' }), [], twoDevices(), [0, 0, undefined]],
    ['nothing known of what has to wait for what runs', many(2), [runs(undefined), runs(undefined)], twoDevices(), [undefined, undefined]],
    ['the other device, where one is not known', many(2), [runs(undefined), runs(20)], twoDevices(), [20, 80]],
    ['nothing known of what fits nowhere; others pass', [waitingTask('x', { demand: onGpus(30) }), waitingTask('y')], [], twoDevices(), [undefined, 0]],
    ['nothing known where nobody is', many(1), [], cluster([]), [undefined]],
    ['nothing known where nothing may run', many(1), [], twoDevices(0), [undefined]],
    ['after both where more run than may by now', many(2), [runs(30), runs(50)], twoDevices(1, { standard: 2 }), [50, 110]],
  ])('%s', (_what, order, running, state, expected) => {
    const estimates = estimateWaits({ order, running, cluster: state, durationOf });
    expect(order.map(({ taskId }) => estimates.get(taskId))).toEqual(expected);
  });

  test('the length may depend on the tier', () => {
    const order = [waitingTask('x', { tier: 'low' }), waitingTask('y', { tier: 'low' }), waitingTask('z', { tier: 'high' })];
    const estimates = estimateWaits({ order, running: [], cluster: twoDevices(1), durationOf: (_, tier) => (tier === 'low' ? 5 : 7) });
    expect([...estimates]).toEqual([['x', 0], ['z', 0], ['y', 5]]);
  });

  test('never runs more at once than a tier and the devices allow, and starts equals in order', () => {
    const anyTask = fc.record({ tier: fc.constantFrom(...QUALITY_TIERS), pipelineId: fc.constantFrom('flux', 'quick', 'slow', 'unmeasured'), demand: fc.constantFrom(onGpus(8), onGpus(24), onGpus(12, { gpus: 2 }), onCores(2, 2)) });
    fc.assert(
      fc.property(fc.array(anyTask, { maxLength: 40 }), fc.integer({ min: 1, max: 3 }), (given, limit) => {
        const order = given.map((task, index) => waitingTask(`t${index}`, task));
        const estimates = estimateWaits({ order, running: [], cluster: twoDevices(limit), durationOf });
        const spans = order.flatMap((task) => {
          const start = estimates.get(task.taskId);
          return start === undefined ? [] : [{ task, start, end: start + (durationOf(task.pipelineId) ?? Number.POSITIVE_INFINITY) }];
        });
        for (const { start } of spans) {
          const atOnce = spans.filter((other) => other.start <= start && other.end > start);
          for (const tier of QUALITY_TIERS) expect(atOnce.filter(({ task }) => task.tier === tier).length).toBeLessThanOrEqual(limit);
          expect(atOnce.reduce((sum, { task }) => sum + task.demand.gpus * task.demand.vramBytes, 0)).toBeLessThanOrEqual(48 * 1024 ** 3);
        }
        for (const [index, { task, start }] of spans.entries()) {
          for (const later of spans.slice(index + 1)) if (later.task.tier === task.tier && later.task.demand === task.demand) expect(later.start).toBeGreaterThanOrEqual(start);
        }
      }),
    );
  });
});
