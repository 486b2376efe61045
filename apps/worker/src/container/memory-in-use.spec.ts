import type { ContainerStats } from 'dockerode';
import { memoryInUse } from './memory-in-use.js';

type Memory = ContainerStats['memory_stats'];

describe('memoryInUse', () => {
  it.each<[string, unknown, { now: number; peak: number }]>([
    ['cgroup v1 keeps the peak', { usage: 100, max_usage: 150, stats: { total_inactive_file: 30, inactive_file: 1 } }, { now: 70, peak: 120 }],
    ['cgroup v2 does not', { usage: 100, stats: { inactive_file: 40 } }, { now: 60, peak: 60 }],
    ['a container that has ended tells nothing', {}, { now: 0, peak: 0 }],
    ['nor does an engine without the controller', undefined, { now: 0, peak: 0 }],
    ['more cache than memory is nothing in use', { usage: 10, stats: { inactive_file: 40 } }, { now: 0, peak: 0 }],
  ])('%s', (_what, stats, expected) => {
    expect(memoryInUse(stats as Memory | undefined)).toEqual(expected);
  });
});
