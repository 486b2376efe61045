// @ts-check
import { expect, test } from '@jest/globals';
import { warmFigures, warmReport } from './warm-figures.mjs';

/** @param {...number} firstProgress */
const tasks = (...firstProgress) => firstProgress.map((ms) => ({ submittedAt: 0, ack: 2, preparing: 3, running: 4, firstProgress: ms, end: ms + 5, messages: 6 }));

const runs = {
  trivial: { cold: tasks(300, 310, 400), warm: tasks(6, 7, 30) },
  backToBack: tasks(8, 9),
  upscale: { cold: tasks(500), warm: tasks(20) },
  bare: [200, 300],
  load: { inFlight: 8, perSecond: 120, cpuMsPerTask: { api: 1, worker: 4 } },
  growth: {
    tasks: 2000,
    before: { rssBytes: 100 * 1024 ** 2, heapBytes: 40 * 1024 ** 2, fileDescriptors: 30 },
    after: { rssBytes: 101 * 1024 ** 2, heapBytes: 40 * 1024 ** 2, fileDescriptors: 30 },
  },
};
const compared = { image: 'me/base:1', how: 'the docker program', pauseMs: 50, pictureSide: 64 };

test('figures by their names', () => {
  expect(warmFigures(runs)).toMatchObject({
    firstProgressP50Ms: 7, firstProgressP99Ms: 30, endP50Ms: 12, coldFirstProgressP50Ms: 310, coldEndP50Ms: 315, backToBackFirstProgressP50Ms: 8,
    tasksPerSecond: 120, dockerRunPerSecond: 4, ratioToDockerRun: 30, workerCpuMsPerTask: 4,
    growthTasks: 2000, rssGrowthBytes: 1024 ** 2, heapGrowthBytes: 0, fileDescriptorGrowth: 0,
    upscaleFirstProgressP50Ms: 20, upscaleColdFirstProgressP50Ms: 500, upscaleColdEndP50Ms: 505,
  });
});

test('the report says whether the aims are met and what was compared', () => {
  const report = warmReport(runs, warmFigures(runs), compared).join('\n');
  expect(report).toMatch(/aim <= 8 ms: met[^]*120 +aim >= 100: met[^]*2000 warm tasks[^]*me\/base:1/);
  const slow = { ...runs, trivial: { ...runs.trivial, warm: tasks(9) }, load: { ...runs.load, perSecond: 99 } };
  expect(warmReport(slow, warmFigures(slow), compared).join('\n')).toMatch(/aim <= 8 ms: MISSED[^]*aim >= 100: MISSED/);
});
