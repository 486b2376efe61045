import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyDemand, anyHosts } from './any-hosts.fixture.js';
import { resourcesOf } from './host-capacity.js';
import { occupy, reserve } from './occupy.js';
import { place } from './place.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import { GIB, device, host, waitingTask, warmContainer } from './scheduling.fixture.js';

describe('occupy', () => {
  test('leases what is given, gives back what ends, and leaves the host that it was told of as it was', () => {
    const ends = warmContainer('ends', { [gpuResource('0')]: 12 * GIB });
    const stays = warmContainer('stays', { [gpuResource('0')]: 4 * GIB });
    const before = host('a', { devices: [device('0', 24, 20), device('1', 24)], warm: [ends, stays] });
    const copy = structuredClone(before);
    const after = occupy(before, { kind: 'placed', hostId: 'a', devices: ['0'], amounts: { [gpuResource('0')]: 16 * GIB }, evict: [ends] });
    expect(after).toEqual({ ...before, devices: [device('0', 24, 24), device('1', 24)], warm: [stays] });
    expect(before).toEqual(copy);
  });

  test('a warm container that is used is idle no more, and has its lease already', () => {
    const warm = warmContainer('w', { [CPU]: 1000, [MEMORY]: GIB });
    const before = host('a', { warm: [warm] });
    expect(occupy(before, { kind: 'placed', hostId: 'a', devices: [], amounts: {}, warm, evict: [] })).toEqual({ ...before, warm: [] });
  });

  test('never leases more than there is of what was not overfull before', () => {
    fc.assert(
      fc.property(anyHosts, anyDemand, (hosts, demand) => {
        const placement = place(waitingTask('t', { demand }), hosts);
        const before = placement.kind === 'placed' ? hosts.find(({ hostId }) => hostId === placement.hostId) : undefined;
        if (placement.kind === 'wait' || before === undefined) return;
        for (const [, { leased, total }] of resourcesOf(occupy(before, placement))) expect(leased).toBeLessThanOrEqual(total);
      }),
      { numRuns: 500 },
    );
  });
});

describe('reserve', () => {
  test.each([
    ['devices', [gpuResource('1')], { devices: [device('0', 24), device('1', 24, 0, 't')] }],
    ['cores and memory', [CPU, MEMORY], { cpu: { total: 8000, leased: 0, reservedFor: 't' }, memory: { total: 32 * GIB, leased: 0, reservedFor: 't' } }],
    ['nothing', [], {}],
  ])('%s', (_what, resources, changed) => {
    const before = host('a', { devices: [device('0', 24), device('1', 24)] });
    expect(reserve(before, resources, 't')).toEqual({ ...before, ...changed });
  });
});
