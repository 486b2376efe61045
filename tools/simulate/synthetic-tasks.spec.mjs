// @ts-check
import { describe, expect, test } from '@jest/globals';
import { drawTasks } from './synthetic-tasks.mjs';

/** @param {Partial<import('./synthetic-tasks.mjs').Stream>} [other] @returns {import('./synthetic-tasks.mjs').Stream} */
const stream = (other = {}) => ({
  seed: 9,
  count: 4000,
  fromMs: 0,
  projects: [{ projectId: 'a', weight: 3 }, { projectId: 'b', weight: 1 }],
  mix: [
    { tier: 'low', pipelineId: 'small', priority: 'normal', share: 4, medianMs: 20_000, sigma: 0 },
    { tier: 'high', pipelineId: 'big', priority: 'low', share: 1, medianMs: 60_000, sigma: 0.3 },
  ],
  arrivals: { kind: 'poisson', meanGapMs: 10_000 },
  ...other,
});

describe('drawTasks', () => {
  test('gives the same tasks for the same seed, to the millisecond, and others for another', () => {
    expect(drawTasks([stream()])).toEqual(drawTasks([stream()]));
    expect(drawTasks([stream({ seed: 10 })])).not.toEqual(drawTasks([stream()]));
    // On any machine.
    expect(drawTasks([stream({ count: 3 })]).map(({ at, projectId, pipelineId, durationMs }) => [at, projectId, pipelineId, durationMs])).toEqual([
      [2216, 'b', 'small', 20_000],
      [13_891, 'a', 'big', 53_907],
      [25_865, 'a', 'small', 20_000],
    ]);
  });

  test('draws projects and kinds by their weights, and times by their rate', () => {
    const tasks = drawTasks([stream()]);
    expect(tasks.filter(({ projectId }) => projectId === 'a').length / 4000).toBeCloseTo(0.75, 1);
    expect(tasks.filter(({ pipelineId }) => pipelineId === 'small').length / 4000).toBeCloseTo(0.8, 1);
    expect((tasks.at(-1)?.at ?? NaN) / 4000 / 10_000).toBeCloseTo(1, 1);
    expect(tasks.filter(({ pipelineId }) => pipelineId === 'small').every(({ durationMs, tier, priority }) => durationMs === 20_000 && tier === 'low' && priority === 'normal')).toBe(true);
  });

  test('a burst is one project’s, its tasks evenly apart, and the rate in the long run is that asked for', () => {
    const tasks = drawTasks([stream({ arrivals: { kind: 'bursts', meanGapMs: 10_000, size: 4, everyMs: 500 } })]);
    for (let first = 0; first < tasks.length; first += 4) {
      const burst = tasks.slice(first, first + 4);
      expect(new Set(burst.map(({ projectId }) => projectId)).size).toBe(1);
      expect(burst.map(({ at }) => at - (burst[0]?.at ?? NaN))).toEqual([0, 500, 1000, 1500]);
    }
    expect((tasks.at(-1)?.at ?? NaN) / 4000 / 10_000).toBeCloseTo(1, 1);
  });

  test('a batch begins when it is told to and is one project’s', () => {
    const tasks = drawTasks([stream({ count: 3, fromMs: 5000, arrivals: { kind: 'batch', everyMs: 200 } })]);
    expect(tasks.map(({ at }) => at)).toEqual([5000, 5200, 5400]);
    expect(new Set(tasks.map(({ projectId }) => projectId)).size).toBe(1);
  });
});
