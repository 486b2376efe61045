import { describe, expect, test } from '@jest/globals';
import { deviceShapes, type DeviceShape } from './device-shape.js';
import { GIB, device, host, onCores, onGpus } from './scheduling.fixture.js';

const four = host('four', { devices: ['0', '1', '2', '3'].map((id) => device(id, 24, 24)) });
const big = host('big', { devices: [device('b', 80)] });
const shape = (count: number, gib: number): DeviceShape => ({ count, bytes: Math.ceil(gib * GIB) });

describe('deviceShapes', () => {
  test.each([
    ['one device, whatever is leased of it', onGpus(24), [four], [shape(1, 24)]],
    ['several', onGpus(24, { gpus: 4 }), [four], [shape(4, 24)]],
    ['more than there are', onGpus(24, { gpus: 5 }), [four], []],
    ['bigger than there are', onGpus(25), [four], []],
    ['split over as few as can, then more', onGpus(60, { splittable: true }), [four], [shape(3, 20), shape(4, 15)]],
    ['not split where one would do', onGpus(60, { splittable: true }), [four, big], [shape(1, 60)]],
    ['too big for all of a host', onGpus(100, { splittable: true }), [four, big], []],
    ['no device at all', onGpus(1, { splittable: true }), [host('none')], []],
    ['no GPU wanted', onCores(1, 1), [four], []],
  ])('%s', (_what, demand, hosts, shapes) => {
    expect(deviceShapes(demand, hosts)).toEqual(shapes);
  });
});
