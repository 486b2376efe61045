// @ts-check
import { expect, test } from '@jest/globals';
import { controlFigures } from './control-figures.mjs';

/**
 * @param {number} perSecond
 * @param {readonly number[]} acks
 * @param {Record<string, number>} [cpuMsPerTask]
 * @returns {import('./control-figures.mjs').Round}
 */
const round = (perSecond, acks, cpuMsPerTask = {}) => ({
  perSecond,
  tasks: acks.map((ack) => ({ submittedAt: 0, ack, preparing: ack + 1, running: ack + 2, firstProgress: ack + 2, end: ack + 3, messages: 13 })),
  cpuMsPerTask,
});

test('figures are medians of rounds, ratios medians of pairs, and p99 is over all tasks', () => {
  const figures = controlFigures({
    // The second pair was disturbed: it moves no median, but the p99.
    one: { floor: [round(500, [1, 1, 1]), round(50, [10, 10, 10]), round(500, [1, 1, 1])], product: [round(400, [2, 2, 2]), round(40, [30, 30, 30]), round(400, [2, 2, 2])] },
    many: { floor: [round(1000, [20], { api: 0.25, worker: 0.25 })], product: [round(800, [30], { api: 0.5, worker: 0.3 })] },
    messagesPerTask: 13,
    processes: { apiReadyMs: 1234.5678, workerReadyMs: 1, apiIdleRssBytes: 2, workerIdleRssBytes: 3, apiLoadedRssBytes: 4, workerLoadedRssBytes: 5 },
  });
  expect(figures).toMatchObject({
    tasksPerSecond1: 400, floorTasksPerSecond1: 500, ratioToFloor1: 0.8, tasksPerSecond32: 800, ratioToFloor32: 0.8,
    ackP50Ms: 2, ackP99Ms: 30, floorAckP50Ms: 1, ackRatioToFloor: 2, dispatchP50Ms: 3, dispatchP99Ms: 31, firstProgressP50Ms: 4, endP50Ms: 5,
    ackP50Ms32: 30, ackRatioToFloor32: 1.5, cpuMsPerTask32: 0.8, floorCpuMsPerTask32: 0.5, cpuRatioToFloor32: 1.6, apiReadyMs: 1234.568, messagesPerTask: 13,
  });
});
