import { describe, expect, test } from '@jest/globals';
import { couldEverRun } from './could-ever-run.js';
import { GIB, device, host, onCores, onGpus } from './scheduling.fixture.js';

const small = host('a', { devices: [device('0', 24, 24, 'other'), device('1', 24)] });
const big = host('b', { devices: [device('2', 48, 48)], memory: { total: 64 * GIB, leased: 64 * GIB } });

describe('couldEverRun', () => {
  test.each([
    ['a device that is full and reserved now', onGpus(48), [small, big]],
    ['two devices', onGpus(24, { gpus: 2 }), [small]],
    ['split over two devices', onGpus(48, { splittable: true }), [small]],
    ['memory that is full now', onCores(1, 64), [small, big]],
    ['more cores than there are', onCores(100, 1), [small]],
  ])('%s: yes', (_what, demand, hosts) => {
    expect(couldEverRun(demand, hosts)).toEqual({ able: true });
  });

  test.each([
    ['a device that is too big', onGpus(80), [small, big], 'needs 80 GiB on one GPU; the largest there is (RTX on host B) has 48 GiB'],
    ['two devices of one host', onGpus(40, { gpus: 2 }), [small, big], 'needs 2 GPUs with 40 GiB each on one host; the most that a host has is 1'],
    ['two devices that are too big', onGpus(80, { gpus: 2 }), [small, big], 'needs 2 GPUs with 80 GiB each on one host; the largest there is (RTX on host B) has 48 GiB'],
    ['too much even for several devices', onGpus(60, { splittable: true }), [small, big], 'needs 60 GiB on one GPU or over several of one host; the largest there is (RTX on host B) has 48 GiB'],
    ['a GPU where there is none', onGpus(0.5), [host('c')], 'needs 512 MiB on one GPU; there is no GPU'],
    ['a GPU where it takes nothing', onGpus(8), [host('c', { devices: [device('0', 0)] })], 'needs 8 GiB on one GPU; there is no GPU'],
    ['too much memory', onCores(1, 65), [small, big], 'needs 65 GiB of memory; the largest host, B, has 64 GiB'],
    ['hosts that take nothing', onCores(1, 1), [host('c', { memory: { total: 0, leased: 0 } })], 'needs 1 GiB of memory; no host takes any task'],
    ['no host', onCores(1, 1), [], 'needs 1 GiB of memory; no host takes any task'],
  ])('%s: no', (_what, demand, hosts, why) => {
    expect(couldEverRun(demand, hosts)).toEqual({ able: false, why });
  });
});
