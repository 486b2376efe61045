import { describe, expect, it } from '@jest/globals';
import type { ResourceDemand } from '@function-runner/task-contract';
import { largerDemand, type LargestResources } from './larger-demand.js';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const onHost = (memoryBytes: number): ResourceDemand => ({ gpus: 0, vramBytes: 0, splittable: false, cpuMillis: 2000, memoryBytes });
const onDevices = (vramBytes: number, changes: Partial<ResourceDemand> = {}): ResourceDemand => ({ gpus: 1, vramBytes, splittable: false, cpuMillis: 0, memoryBytes: 16 * GIB, ...changes });
const largest = (changes: Partial<LargestResources> = {}): LargestResources => ({ memoryBytes: 64 * GIB, deviceBytes: 24 * GIB, ...changes });

describe('largerDemand', () => {
  it.each<[string, number, number, number | undefined]>([
    ['twice as much', 2 * GIB, 64 * GIB, 4 * GIB],
    ['twice a little', 64 * MIB, 64 * GIB, 128 * MIB],
    ['twice as much, which is all there is', 32 * GIB, 64 * GIB, 64 * GIB],
    ['all there is, where twice as much is more', 40 * GIB, 64 * GIB, 64 * GIB],
    ['all there is, a tenth more', 10_000, 11_000, 11_000],
    ['none, where all there is is less than a tenth more', 10_000, 10_999, undefined],
    ['none, where it had all there is', 64 * GIB, 64 * GIB, undefined],
    ['none, where it had more than any host has', 80 * GIB, 64 * GIB, undefined],
    ['none, where no host takes any task', 2 * GIB, 0, undefined],
    ['none, where it held none: twice that is as little', 0, 64 * GIB, undefined],
  ])('without a GPU: %s', (_, before, most, after) => {
    // However large the devices are.
    for (const deviceBytes of [0, 999 * GIB]) {
      expect(largerDemand(onHost(before), largest({ memoryBytes: most, deviceBytes }))).toEqual(after === undefined ? undefined : onHost(after));
    }
  });

  it.each<[string, number, number, number | undefined]>([
    ['half as much again', 8 * GIB, 24 * GIB, 12 * GIB],
    ['rounded up to a GiB', 5 * GIB, 24 * GIB, 8 * GIB],
    ['rounded up from a part of a GiB', 100 * MIB, 24 * GIB, GIB],
    ['the largest device, where half as much again is more', 20 * GIB, 24 * GIB, 24 * GIB],
    ['the largest device, whatever its size', 70 * GIB, 79.6 * GIB, 79.6 * GIB],
    ['none, where the largest device is less than a tenth larger', 22 * GIB, 24 * GIB, undefined],
    ['none, where it had the largest device', 24 * GIB, 24 * GIB, undefined],
    ['none, where it had more than any device has, as one that was split', 40 * GIB, 24 * GIB, undefined],
    ['none, where there is no device any more', 8 * GIB, 0, undefined],
    ['none, where it held none', 0, 24 * GIB, undefined],
  ])('with a GPU: %s', (_, before, most, after) => {
    for (const changes of [{}, { gpus: 2 }, { splittable: true }]) {
      expect(largerDemand(onDevices(before, changes), largest({ memoryBytes: 999 * GIB, deviceBytes: most }))).toEqual(after === undefined ? undefined : onDevices(after, changes));
    }
  });

  it('comes to an end, however often it is asked', () => {
    for (const first of [onHost(1), onHost(3 * GIB), onDevices(1), onDevices(7 * GIB)]) {
      let demand: ResourceDemand | undefined = first;
      let steps = 0;
      while (demand !== undefined && steps < 100) {
        demand = largerDemand(demand, largest());
        steps += 1;
      }
      expect(demand).toBeUndefined();
    }
  });

  it('leaves the demand as it was', () => {
    const demand = Object.freeze(onHost(GIB));
    largerDemand(demand, largest());
    expect(demand).toEqual(onHost(GIB));
  });
});
