import { describe, expect, test } from '@jest/globals';
import { passesBy, type StartedTask } from './passes-by.js';
import type { ResourceDemand } from './resource-demand.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import { device, host, onCores, onGpus } from './scheduling.fixture.js';

const hosts = [host('a', { devices: [device('small', 12), device('big', 48)] }), host('b', { devices: [device('0', 24), device('1', 24)] }), host('c', { devices: [device('2', 40), device('3', 40), device('4', 40)] })];
const on = (hostId: string, ids: string[], demand: ResourceDemand): StartedTask => ({ demand, hostId, resources: ids.map(gpuResource) });
const onHost = (demand: ResourceDemand): StartedTask => ({ demand, hostId: 'a', resources: [CPU, MEMORY] });

describe('passesBy', () => {
  test.each<[string, ResourceDemand, StartedTask, boolean]>([
    ['a big one, when a small one takes a big device', onGpus(40), on('a', ['big'], onGpus(8)), true],
    ['a big one, when a small one takes a small device', onGpus(40), on('a', ['small'], onGpus(8)), false],
    ['its equal: it would have had that place itself', onGpus(8), on('a', ['big'], onGpus(8)), false],
    ['a smaller one', onGpus(4), on('a', ['big'], onGpus(8)), false],
    ['one for two devices, when one is taken of a host that has two', onGpus(8, { gpus: 2 }), on('b', ['1'], onGpus(8)), true],
    ['one for two big devices, when the only big one of a host is taken', onGpus(20, { gpus: 2 }), on('a', ['big'], onGpus(8)), false],
    ['one to be split, when a part of what would hold it is taken', onGpus(60, { splittable: true }), on('b', ['0'], onGpus(8)), false],
    ['one to be split, when a part of it could be there', onGpus(48 + 1, { splittable: true }), on('a', ['big'], onGpus(8)), false],
    ['one that two devices can hold', onGpus(30, { splittable: true }), on('a', ['big'], onGpus(8)), true],
    ['one that would have fitted where a share of a split one is', onGpus(20), on('b', ['0', '1'], onGpus(40, { splittable: true })), false],
    ['one that is bigger than a share of a split one', onGpus(21), on('b', ['0', '1'], onGpus(40, { splittable: true })), true],
    ['one to be split, when its equal is', onGpus(49, { splittable: true }), on('c', ['2', '3'], onGpus(49, { splittable: true })), false],
    ['one to be split into more parts', onGpus(70, { splittable: true }), on('c', ['2', '3'], onGpus(49, { splittable: true })), true],
    ['one to be split, when a device of one of its parts is taken', onGpus(49, { splittable: true }), on('c', ['2'], onGpus(8)), true],
    ['one with a GPU, when one without starts', onGpus(40), onHost(onCores(1, 1)), false],
    ['one without, when one with a GPU starts', onCores(4, 4), on('a', ['big'], onGpus(8)), false],
    ['one that needs more cores', onCores(4, 1), onHost(onCores(1, 2)), true],
    ['one that needs more memory', onCores(1, 4), onHost(onCores(2, 2)), true],
    ['one that needs no more of either', onCores(1, 1), onHost(onCores(1, 2)), false],
    ['one that the host could never hold', onCores(1, 64), onHost(onCores(1, 1)), false],
    ['anything on a host that is not known', onGpus(40), on('z', ['big'], onGpus(8)), false],
  ])('%s', (_what, waiting, started, expected) => {
    expect(passesBy(waiting, started, hosts)).toBe(expected);
  });
});
