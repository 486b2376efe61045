import { describe, expect, test } from '@jest/globals';
import type { HostState } from './cluster-state.js';
import { chooseReservation } from './reservation.js';
import type { ResourceDemand } from './resource-demand.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import { GIB, device, host, onCores, onGpus, waitingTask, warmContainer } from './scheduling.fixture.js';

const pinned = warmContainer('pinned', { [gpuResource('0')]: 8 * GIB }, { pinned: true });
const idle = warmContainer('idle', { [gpuResource('0')]: 20 * GIB });
const cpu = { total: 8000, leased: 8000 };

describe('chooseReservation', () => {
  test.each<[string, ResourceDemand, HostState[], string | undefined]>([
    ['the device of which least is missing', onGpus(20), [host('a', { devices: [device('0', 24, 24), device('1', 24, 12)] })], 'a gpu:1'],
    ['on whatever host', onGpus(20), [host('a', { devices: [device('0', 24, 24)] }), host('b', { devices: [device('1', 24, 12)] })], 'b gpu:1'],
    ['counting what idle containers would free', onGpus(20), [host('a', { devices: [device('0', 24, 24), device('1', 24, 12)], warm: [idle] })], 'a gpu:0'],
    ['only one that is big enough', onGpus(20), [host('a', { devices: [device('0', 16), device('1', 24, 24)] })], 'a gpu:1'],
    ['not one that is kept for another', onGpus(20), [host('a', { devices: [device('0', 24, 12, 'other'), device('1', 24, 24)] })], 'a gpu:1'],
    ['nothing where all is kept for others', onGpus(20), [host('a', { devices: [device('0', 24, 12, 'other')] })], undefined],
    ['what is kept for it already, though another comes sooner by now', onGpus(20), [host('a', { devices: [device('0', 24, 12)] }), host('b', { devices: [device('1', 24, 24, 't')] })], 'b gpu:1'],
    ['what is kept for it already, though another of its host comes sooner', onGpus(20), [host('a', { devices: [device('0', 24, 12), device('1', 24, 24, 't')] })], 'a gpu:1'],
    ['not what is kept for it and is too small by now', onGpus(20), [host('a', { devices: [device('0', 24, 12), device('1', 12, 12, 't')] })], 'a gpu:0'],
    ['not one of which a pinned container holds too much', onGpus(20), [host('a', { devices: [device('0', 24, 8), device('1', 24, 24)], warm: [pinned] })], 'a gpu:1'],
    ['several devices of one host', onGpus(20, { gpus: 2 }), [host('a', { devices: [device('0', 24)] }), host('b', { devices: [device('1', 24, 24), device('2', 24, 24), device('3', 24)] })], 'b gpu:3 gpu:1'],
    ['devices for the parts of one that is split', onGpus(40, { splittable: true }), [host('a', { devices: [device('0', 24, 24), device('1', 24, 24), device('2', 24)] })], 'a gpu:2 gpu:0'],
    ['more parts where not so many devices are left', onGpus(40, { splittable: true }), [host('a', { devices: [device('0', 24, 24), device('1', 16), device('2', 16), device('3', 24, 0, 'other')] })], 'a gpu:1 gpu:2 gpu:0'],
    ['cores and memory of the host where least is missing', onCores(4, 8), [host('a', { cpu }), host('b', { cpu: { total: 8000, leased: 5000 } })], `b ${CPU} ${MEMORY}`],
    ['not a host that is kept for another', onCores(4, 8), [host('a', { cpu }), host('b', { cpu: { total: 8000, leased: 5000, reservedFor: 'other' } })], `a ${CPU} ${MEMORY}`],
    ['a host that is kept for it', onCores(4, 8), [host('a'), host('b', { cpu: { ...cpu, reservedFor: 't' }, memory: { total: 32 * GIB, leased: 0, reservedFor: 't' } })], `b ${CPU} ${MEMORY}`],
    ['nothing where no host is big enough', onCores(4, 64), [host('a')], undefined],
    ['nothing where nobody is', onGpus(1), [], undefined],
  ])('%s', (_what, demand, hosts, expected) => {
    const kept = chooseReservation(waitingTask('t', { demand }), hosts);
    expect(kept && [kept.hostId, ...kept.resources].join(' ')).toBe(expected);
  });
});
