import { describe, expect, test } from '@jest/globals';
import { figuresOf, type DemandSample, type LearnedFigures } from './learned-demand-figures.js';

const seconds = (from: number, to: number): DemandSample[] => Array.from({ length: to - from + 1 }, (_, index) => ({ durationMs: (from + index) * 1000 }));

describe('figuresOf', () => {
  test.each<[string, readonly DemandSample[], LearnedFigures | undefined]>([
    ['none', [], undefined],
    ['one that tells of time alone', [{ durationMs: 1500 }], { samples: 1, durationP50Seconds: 1.5, durationP95Seconds: 1.5, memorySamples: 0, vramSamples: 0 }],
    ['many', seconds(1, 20), { samples: 20, durationP50Seconds: 10, durationP95Seconds: 19, memorySamples: 0, vramSamples: 0 }],
    [
      'some of which tell of more',
      [{ durationMs: 1000, peakMemoryBytes: 10 }, { durationMs: 2000, peakVramBytes: 7 }, { durationMs: 3000, peakMemoryBytes: 30, peakVramBytes: 5 }, { durationMs: 4000 }],
      { samples: 4, durationP50Seconds: 2, durationP95Seconds: 4, memoryP95Bytes: 30, memorySamples: 2, vramP95Bytes: 7, vramSamples: 2 },
    ],
    ['a run that used nothing', [{ durationMs: 0, peakMemoryBytes: 0 }], { samples: 1, durationP50Seconds: 0, durationP95Seconds: 0, memoryP95Bytes: 0, memorySamples: 1, vramSamples: 0 }],
    [
      'values that are none, as they come back from the store',
      [JSON.parse(JSON.stringify({ durationMs: Number.NaN, peakMemoryBytes: Number.POSITIVE_INFINITY })) as DemandSample, { durationMs: 500, peakMemoryBytes: Number.NaN, peakVramBytes: 3 }],
      { samples: 2, durationP50Seconds: 0.5, durationP95Seconds: 0.5, memorySamples: 0, vramP95Bytes: 3, vramSamples: 1 },
    ],
    ['values that are none, and nothing else', [{ durationMs: Number.NaN }], { samples: 1, memorySamples: 0, vramSamples: 0 }],
  ])('of %s', (_, samples, expected) => {
    expect(figuresOf(samples)).toEqual(expected);
  });
});
