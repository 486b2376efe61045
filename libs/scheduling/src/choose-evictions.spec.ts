import { describe, expect, test } from '@jest/globals';
import type { WarmContainer } from './cluster-state.js';
import { chooseEvictions } from './choose-evictions.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import { GIB, device, host, warmContainer } from './scheduling.fixture.js';

const A = gpuResource('a');
const B = gpuResource('b');
const idle = (leaseId: string, gib: number, idleSince: number, changes: Partial<WarmContainer> = {}): WarmContainer => warmContainer(leaseId, { [A]: gib * GIB }, { idleSince, ...changes });

/** Device a with 24 GiB of which 20 are leased, b with 24 all leased. */
const withWarm = (...warm: WarmContainer[]): ReturnType<typeof host> => host('h', { devices: [device('a', 24, 20), device('b', 24, 24)], warm });

describe('chooseEvictions', () => {
  test.each<[string, WarmContainer[], Record<string, number>, string[] | undefined]>([
    ['room enough: none', [idle('x', 5, 0)], { [A]: 4 * GIB }, []],
    ['nothing idle', [], { [A]: 5 * GIB }, undefined],
    ['the only one', [idle('x', 5, 0)], { [A]: 9 * GIB }, ['x']],
    ['one byte too few', [idle('x', 5, 0)], { [A]: 9 * GIB + 1 }, undefined],
    ['the least recently used', [idle('new', 5, 9), idle('old', 5, 1)], { [A]: 9 * GIB }, ['old']],
    ['several where one is not enough', [idle('new', 5, 9), idle('old', 5, 1)], { [A]: 10 * GIB }, ['old', 'new']],
    ['not a small old one beside the big one that is needed anyway', [idle('big', 10, 9), idle('small', 2, 1)], { [A]: 14 * GIB }, ['big']],
    ['never a pinned one', [idle('pinned', 10, 0, { pinned: true }), idle('x', 5, 9)], { [A]: 9 * GIB }, ['x']],
    ['only a pinned one', [idle('pinned', 10, 0, { pinned: true })], { [A]: 9 * GIB }, undefined],
    ['never one that is elsewhere', [warmContainer('b', { [B]: 10 * GIB }), idle('x', 5, 9)], { [A]: 9 * GIB }, ['x']],
    ['one that holds both devices', [warmContainer('both', { [A]: 5 * GIB, [B]: 5 * GIB })], { [A]: 9 * GIB, [B]: 5 * GIB }, ['both']],
    ['one a device', [idle('a', 5, 1), warmContainer('b', { [B]: 5 * GIB }, { idleSince: 0 })], { [A]: 9 * GIB, [B]: 5 * GIB }, ['b', 'a']],
    ['a device that is not there', [idle('x', 5, 0)], { [gpuResource('c')]: 1 }, undefined],
  ])('%s', (_what, warm, needs, expected) => {
    expect(chooseEvictions(withWarm(...warm), needs)?.map(({ leaseId }) => leaseId)).toEqual(expected);
  });

  test('frees cores and memory at once, and ends none that frees only what is there', () => {
    const busy = host('h', {
      cpu: { total: 8000, leased: 8000 }, memory: { total: 32 * GIB, leased: 16 * GIB },
      warm: [warmContainer('memory', { [MEMORY]: 8 * GIB }, { idleSince: 0 }), warmContainer('cores', { [CPU]: 2000, [MEMORY]: GIB }, { idleSince: 5 })],
    });
    expect(chooseEvictions(busy, { [CPU]: 1000, [MEMORY]: GIB })?.map(({ leaseId }) => leaseId)).toEqual(['cores']);
  });
});
