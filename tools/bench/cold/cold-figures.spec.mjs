// @ts-check
import { expect, test } from '@jest/globals';
import { coldFigures, coldReport } from './cold-figures.mjs';

const runs = {
  bare: [300, 310, 900],
  product: [350, 360, 370].map((end) => ({ submittedAt: 0, ack: 2, preparing: 5, running: end - 250, firstProgress: end - 50, end, messages: 6 })),
};

test('overhead is the difference of the medians of the whole ways', () => {
  expect(coldFigures(runs)).toMatchObject({ overheadMs: 50, productP50Ms: 360, dockerRunP50Ms: 310, dispatchP50Ms: 5, containerStartP50Ms: 105, runToTakeP50Ms: 250, runs: 3 });
});

test('the report says whether the aim is met and what was compared', () => {
  const compared = { image: 'me/base:1', how: 'the docker program' };
  expect(coldReport(runs, { overheadMs: 50 }, compared).join('\n')).toMatch(/aim <= 60 ms: met[^]*3 pairs[^]*me\/base:1/);
  expect(coldReport(runs, { overheadMs: 61 }, compared).join('\n')).toMatch(/aim <= 60 ms: MISSED/);
});
