// @ts-check
import { expect, test } from '@jest/globals';
import { recoveryFigures, recoveryReport } from './recovery-figures.mjs';

const runs = {
  workerKilled: { floor: [300, 100, 200], recovery: [6000, 5000, 8000] },
  redisRestarted: { floor: [200, 200, 200], recovery: [600, 400, 800] },
  redisRestartedAck: [100, 300, 200],
  daemonRestarted: { floor: [200, 200, 200], recovery: [1000, 1200, 1100] },
  apiKilled: { floor: [5, 10, 10], recovery: [20, 20, 30] },
};
const compared = { image: 'me/base:1', how: 'the docker program' };

test('figures by their names; ratios are medians over pairs', () => {
  expect(recoveryFigures(runs)).toEqual({
    workerKilledP50Ms: 6000, workerKilledP95Ms: 8000, workerKilledRatioToFloor: 40,
    redisRestartedP50Ms: 600, redisRestartedP95Ms: 800, redisRestartedRatioToFloor: 3, redisRestartedAckP50Ms: 200, redisRestartedAckP95Ms: 300,
    daemonRestartedP50Ms: 1100, daemonRestartedP95Ms: 1200, daemonRestartedRatioToFloor: 5.5,
    apiKilledP50Ms: 20, apiKilledP95Ms: 30, apiKilledRatioToFloor: 3,
    bareRunP50Ms: 200, reconnectP50Ms: 10, runs: 3,
  });
});

test('the report says whether the bounds hold and what was compared', () => {
  expect(recoveryReport(recoveryFigures(runs), compared).join('\n')).toMatch(/worker killed.* 6000 +8000 +40\.0 +aim <= 15000 ms: met[^]*api killed.*aim <= 10000 ms: met[^]*3 runs[^]*me\/base:1/);
  const slow = recoveryFigures({ ...runs, workerKilled: { floor: [100, 100], recovery: [5000, 15_001] } });
  expect(recoveryReport(slow, compared).join('\n')).toMatch(/aim <= 15000 ms: MISSED/);
});
