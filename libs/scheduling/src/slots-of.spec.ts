import { describe, expect, test } from '@jest/globals';
import { GIB, device, host, onCores, onGpus } from './scheduling.fixture.js';
import { slotsOf } from './slots-of.js';

const hosts = [
  host('a', { devices: [device('0', 24, 24), device('1', 24)] }),
  host('b', { devices: [device('2', 80), device('3', 0)], cpu: { total: 4000, leased: 0 } }),
  host('c', { cpu: { total: 0, leased: 0 } }),
];

describe('slotsOf', () => {
  test.each([
    ['one device each, whatever is leased', onGpus(16), 1 + 1 + 5],
    ['big ones', onGpus(40), 2],
    ['two devices each', onGpus(12, { gpus: 2 }), 2],
    ['split over two, and never over one', onGpus(48, { splittable: true }), 1],
    ['nothing of a device', onGpus(0), Number.POSITIVE_INFINITY],
    ['by cores', onCores(2, 1), 4 + 2],
    ['by memory', onCores(0, 12), 2 + 2],
    ['by more cores than a host has', onCores(6, 1), 1 + 1],
    ['too big', onCores(1, 64), 0],
    ['too big a device', onGpus(90), 0],
  ])('%s', (_what, demand, slots) => {
    expect(slotsOf(demand, hosts)).toBe(slots);
  });

  test('no hosts, no slots', () => {
    expect(slotsOf({ ...onCores(1, 1), memoryBytes: GIB }, [])).toBe(0);
  });
});
