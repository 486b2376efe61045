import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HostState } from './cluster-state.js';
import { anyDemand, anyHosts } from './any-hosts.fixture.js';
import { place } from './place.js';
import type { Placed, Placement } from './placement.js';
import { CPU, MEMORY, gpuResource } from './resource-id.js';
import { GIB, device, host, onCores, onGpus, waitingTask, warmContainer } from './scheduling.fixture.js';
import type { WaitingTask } from './waiting-task.js';

/** Host and devices, or host and what ends, or why not: as short as the tables want it. */
function summary(placement: Placement): string {
  if (placement.kind === 'wait') {
    const { reason } = placement;
    return 'hostId' in reason ? `${reason.kind} ${reason.hostId}` : reason.kind;
  }
  const { hostId, devices, warm, evict } = placement;
  return [hostId, ...devices, ...(warm ? [`warm ${warm.leaseId}`] : []), ...(evict.length > 0 ? [`ends ${evict.map(({ leaseId }) => leaseId).join(' ')}`] : [])].join(' ');
}

const task = (changes: Partial<WaitingTask> = {}): WaitingTask => waitingTask('t', changes);
const gpu = (gib: number, changes = {}): WaitingTask => task({ demand: onGpus(gib, changes) });
const cores = (count: number, gib: number): WaitingTask => task({ demand: onCores(count, gib) });
const holding = (id: string, gib: number): Record<string, number> => ({ [gpuResource(id)]: gib * GIB });

describe('place', () => {
  test.each<[string, WaitingTask, HostState[], string]>([
    ['nobody there', gpu(16), [], 'no-host'],
    ['the smaller device, though less stays free on the bigger', gpu(8), [host('a', { devices: [device('big', 80, 70), device('small', 24)] })], 'a small'],
    ['of equal devices the fuller', gpu(8), [host('a', { devices: [device('0', 24), device('1', 24, 12)] })], 'a 1'],
    ['the smaller device on another host', gpu(8), [host('a', { devices: [device('0', 48)] }), host('b', { devices: [device('1', 24)] })], 'b 1'],
    ['of equals the first', gpu(8), [host('a', { devices: [device('0', 24), device('1', 24)] }), host('b', { devices: [device('2', 24)] })], 'a 0'],
    ['to the last byte', gpu(12), [host('a', { devices: [device('0', 24, 12)] })], 'a 0'],
    ['not a byte more', gpu(12.5), [host('a', { devices: [device('0', 24, 12)] })], 'capacity a'],
    ['a device that takes nothing new', gpu(0), [host('a', { devices: [device('0', 0)] })], 'no-capable-host'],
    ['a device that is kept for another', gpu(8), [host('a', { devices: [device('0', 24, 0, 'other'), device('1', 48)] })], 'a 1'],
    ['a device that is kept for it', gpu(8), [host('a', { devices: [device('0', 24, 0, 't'), device('1', 48)] })], 'a 0'],
    ['only what is kept for another', gpu(8), [host('a', { devices: [device('0', 24, 0, 'other'), device('1', 48, 44)] })], 'reserved a'],
    ['the host that comes closest', gpu(20), [host('a', { devices: [device('0', 24, 20)] }), host('b', { devices: [device('1', 24, 8)] }), host('c', { devices: [device('2', 12)] })], 'capacity b'],
    ['idle ones count for closeness', gpu(20), [host('a', { devices: [device('0', 24, 20)], warm: [warmContainer('w', holding('0', 14), { pipelineId: 'other' })] }), host('b', { devices: [device('1', 24, 8)] })], 'capacity a'],
    ['no such device', gpu(30), [host('a', { devices: [device('0', 24)] })], 'no-capable-host'],

    ['two devices of one host', gpu(16, { gpus: 2 }), [host('a', { devices: [device('0', 24)] }), host('b', { devices: [device('1', 24), device('2', 24)] })], 'b 1 2'],
    ['the smallest two', gpu(16, { gpus: 2 }), [host('a', { devices: [device('0', 80), device('1', 24, 8), device('2', 24), device('3', 48)] })], 'a 1 2'],
    ['two that are never free at once on two hosts', gpu(16, { gpus: 2 }), [host('a', { devices: [device('0', 24)] }), host('b', { devices: [device('1', 24)] })], 'no-capable-host'],
    ['two of which one is full', gpu(16, { gpus: 2 }), [host('a', { devices: [device('0', 24), device('1', 24, 24)] })], 'capacity a'],

    ['splittable, where one device will do', gpu(40, { splittable: true }), [host('a', { devices: [device('0', 24), device('1', 24)] }), host('b', { devices: [device('2', 48)] })], 'b 2'],
    ['splittable, where one device would do: it waits for it', gpu(40, { splittable: true }), [host('a', { devices: [device('0', 24), device('1', 24)] }), host('b', { devices: [device('2', 48, 24)] })], 'capacity b'],
    ['splittable, over two', gpu(40, { splittable: true }), [host('a', { devices: [device('0', 24), device('1', 24, 4), device('2', 24)] })], 'a 1 0'],
    ['splittable, over as few as can', gpu(60, { splittable: true }), [host('a', { devices: [device('0', 24), device('1', 24), device('2', 24), device('3', 24)] })], 'a 0 1 2'],
    ['splittable, over more where fewer are not free', gpu(40, { splittable: true }), [host('a', { devices: [device('0', 24, 10), device('1', 24, 10), device('2', 24, 10)] })], 'a 0 1 2'],
    ['splittable, over few big ones rather than many small ones', gpu(60, { splittable: true }), [host('a', { devices: [device('0', 24), device('1', 24), device('2', 24)] }), host('b', { devices: [device('3', 48), device('4', 48)] })], 'b 3 4'],
    ['splittable, over the devices of two hosts: never', gpu(40, { splittable: true }), [host('a', { devices: [device('0', 24)] }), host('b', { devices: [device('1', 24)] })], 'no-capable-host'],
    ['not splittable', gpu(40), [host('a', { devices: [device('0', 24), device('1', 24)] })], 'no-capable-host'],

    ['the smaller host', cores(2, 4), [host('a', { memory: { total: 64 * GIB, leased: 0 } }), host('b')], 'b'],
    ['of equal hosts the fuller', cores(2, 4), [host('a'), host('b', { memory: { total: 32 * GIB, leased: 8 * GIB } })], 'b'],
    ['too few cores free', cores(4, 4), [host('a', { cpu: { total: 8000, leased: 5000 } })], 'capacity a'],
    ['too little memory free', cores(1, 4), [host('a', { memory: { total: 32 * GIB, leased: 30 * GIB } })], 'capacity a'],
    ['more cores than the host has: all of them', cores(64, 4), [host('a')], 'a'],
    ['more cores than the host has, and one is in use', cores(64, 4), [host('a', { cpu: { total: 8000, leased: 1000 } })], 'capacity a'],
    ['more memory than any host has', cores(1, 64), [host('a')], 'no-capable-host'],
    ['a host that takes nothing new', cores(0, 0), [host('a', { cpu: { total: 0, leased: 0 } })], 'no-capable-host'],
    ['a host that is kept for another', cores(1, 1), [host('a', { memory: { total: 32 * GIB, leased: 0, reservedFor: 'other' } })], 'reserved a'],
    ['no cores asked for', cores(0, 0.5), [host('a', { cpu: { total: 8000, leased: 8000 } })], 'a'],
  ])('%s', (_what, waiting, hosts, expected) => {
    expect(summary(place(waiting, hosts))).toBe(expected);
  });

  const full = { devices: [device('0', 24, 20), device('1', 24, 20)] };
  test.each<[string, WaitingTask, HostState[], string]>([
    ['a warm one before anything free', gpu(16), [host('a', { devices: [device('0', 24)] }), host('b', { ...full, warm: [warmContainer('w', holding('0', 16))] })], 'b 0 warm w'],
    ['not one of another pipeline', gpu(16), [host('a', { devices: [device('0', 24, 8)], warm: [warmContainer('w', holding('0', 8), { pipelineId: 'other' })] })], 'a 0'],
    ['not one of another project', gpu(16), [host('a', { devices: [device('0', 48, 16)], warm: [warmContainer('w', holding('0', 16), { projectId: 'series' })] })], 'a 0'],
    ['one of its project before one for all', gpu(16), [host('a', { ...full, warm: [warmContainer('all', holding('0', 16), { idleSince: 9 }), warmContainer('own', holding('1', 16), { projectId: 'film' })] })], 'a 1 warm own'],
    ['of equals the one used last', gpu(16), [host('a', { ...full, warm: [warmContainer('old', holding('0', 16), { idleSince: 1 }), warmContainer('new', holding('1', 16), { idleSince: 9 })] })], 'a 1 warm new'],
    ['a pinned one: it is there to be used', gpu(16), [host('a', { ...full, warm: [warmContainer('w', holding('0', 16), { pinned: true })] })], 'a 0 warm w'],
    ['not one whose device is kept for another', gpu(16), [host('a', { devices: [device('0', 24, 16, 'other')], warm: [warmContainer('w', holding('0', 16))] })], 'reserved a'],
    ['not one whose device takes nothing new', gpu(16), [host('a', { devices: [device('0', 0, 16), device('1', 24, 20)], warm: [warmContainer('w', holding('0', 16))] })], 'capacity a'],
    ['one without a device', cores(1, 1), [host('a', { warm: [warmContainer('w', { [CPU]: 1000, [MEMORY]: GIB })] })], 'a warm w'],

    ['ends an idle one where nothing is free', gpu(16), [host('a', { ...full, warm: [warmContainer('w', holding('0', 12), { pipelineId: 'other' })] })], 'a 0 ends w'],
    ['ends none where something is free', gpu(16), [host('a', { devices: [device('0', 24, 20), device('1', 80)], warm: [warmContainer('w', holding('0', 12), { pipelineId: 'other' })] })], 'a 1'],
    ['ends one rather than two', gpu(16), [host('a', { ...full, warm: [...['x', 'y'].map((id) => warmContainer(id, holding('0', 6), { pipelineId: 'other' })), warmContainer('z', holding('1', 12), { pipelineId: 'other', idleSince: 9 })] })], 'a 1 ends z'],
    ['ends the least recently used', gpu(16), [host('a', { ...full, warm: [warmContainer('new', holding('0', 12), { pipelineId: 'other', idleSince: 9 }), warmContainer('old', holding('1', 12), { pipelineId: 'other', idleSince: 1 })] })], 'a 1 ends old'],
    ['ends the least recently used of all hosts', gpu(16), ['a', 'b'].map((id, index) => host(id, { devices: [device(id, 24, 20)], warm: [warmContainer(`of ${id}`, holding(id, 12), { pipelineId: 'other', idleSince: 9 - index })] })), 'b b ends of b'],
    ['never ends a pinned one', gpu(16), [host('a', { ...full, warm: [warmContainer('w', holding('0', 12), { pipelineId: 'other', pinned: true })] })], 'capacity a'],
    ['ends one that spans both devices it needs', gpu(12, { gpus: 2 }), [host('a', { ...full, warm: [warmContainer('w', { ...holding('0', 8), ...holding('1', 8) }, { pipelineId: 'other' })] })], 'a 0 1 ends w'],
    ['ends idle ones for cores', cores(4, 1), [host('a', { cpu: { total: 8000, leased: 7000 }, warm: [warmContainer('w', { [CPU]: 4000, [MEMORY]: GIB }, { pipelineId: 'other' })] })], 'a ends w'],
  ])('%s', (_what, waiting, hosts, expected) => {
    expect(summary(place(waiting, hosts))).toBe(expected);
  });

  test.each<[string, WaitingTask, HostState, Record<string, number>]>([
    ['a device', gpu(16), host('a', { devices: [device('0', 24)] }), holding('0', 16)],
    ['several', gpu(16, { gpus: 2 }), host('a', { devices: [device('0', 24), device('1', 24)] }), { ...holding('0', 16), ...holding('1', 16) }],
    ['even shares, rounded up', task({ demand: { ...onGpus(0), vramBytes: 40 * GIB + 1, splittable: true } }), host('a', { devices: [device('0', 24), device('1', 24)] }), { [gpuResource('0')]: 20 * GIB + 1, [gpuResource('1')]: 20 * GIB + 1 }],
    ['cores and memory', cores(2, 4), host('a'), { [CPU]: 2000, [MEMORY]: 4 * GIB }],
    ['no more cores than there are', cores(64, 4), host('a'), { [CPU]: 8000, [MEMORY]: 4 * GIB }],
    ['nothing for what is warm', gpu(16), host('a', { devices: [device('0', 24, 16)], warm: [warmContainer('w', holding('0', 16))] }), {}],
  ])('leases %s', (_what, waiting, on, amounts) => {
    expect((place(waiting, [on]) as Placed).amounts).toEqual(amounts);
  });

  test.each<[string, WaitingTask, HostState[], Placement]>([
    ['how much on how many devices', gpu(16, { gpus: 2 }), [host('a', { devices: [device('0', 24), device('1', 24, 24)] })], { kind: 'wait', reason: { kind: 'capacity', resource: 'gpu', needed: 16 * GIB, gpus: 2, hostId: 'a', hostName: 'A' } }],
    ['the share of one that is split', gpu(40, { splittable: true }), [host('a', { devices: [device('0', 24), device('1', 24, 24)] })], { kind: 'wait', reason: { kind: 'capacity', resource: 'gpu', needed: 20 * GIB, gpus: 2, hostId: 'a', hostName: 'A' } }],
    ['cores where they are what is scarcer', cores(4, 20), [host('a', { cpu: { total: 8000, leased: 7000 }, memory: { total: 32 * GIB, leased: 16 * GIB } })], { kind: 'wait', reason: { kind: 'capacity', resource: 'cpu', needed: 4000, gpus: 0, hostId: 'a', hostName: 'A' } }],
    ['memory where that is', cores(4, 20), [host('a', { cpu: { total: 8000, leased: 5000 }, memory: { total: 32 * GIB, leased: 30 * GIB } })], { kind: 'wait', reason: { kind: 'capacity', resource: 'memory', needed: 20 * GIB, gpus: 0, hostId: 'a', hostName: 'A' } }],
    ['a full host that is kept for another: that it is full', gpu(16), [host('a', { devices: [device('0', 24, 20, 'other')] })], { kind: 'wait', reason: { kind: 'capacity', resource: 'gpu', needed: 16 * GIB, gpus: 1, hostId: 'a', hostName: 'A' } }],
  ])('says %s', (_what, waiting, hosts, expected) => {
    expect(place(waiting, hosts)).toEqual(expected);
  });

  test('the first fit is the first device with room, whatever its size', () => {
    expect(summary(place(gpu(8), [host('a', { devices: [device('0', 12, 8), device('big', 80), device('small', 24)] })], 'first'))).toBe('a big');
  });
});

describe('place, whatever there is', () => {
  test('gives no more than is free once what must end has ended, and nothing that is kept for another', () => {
    fc.assert(
      fc.property(anyHosts, anyDemand, fc.constantFrom('best' as const, 'first' as const), (hosts, demand, fit) => {
        const placement = place(task({ demand }), hosts, fit);
        if (placement.kind === 'wait') return;
        const on = hosts.find(({ hostId }) => hostId === placement.hostId);
        if (on === undefined) throw new Error('no such host');
        const resources = new Map([[CPU, on.cpu], [MEMORY, on.memory], ...on.devices.map((each) => [gpuResource(each.id), each] as const)]);
        expect(placement.evict.every((ended) => on.warm.includes(ended) && !ended.pinned)).toBe(true);
        for (const [resource, amount] of Object.entries(placement.warm?.amounts ?? placement.amounts)) {
          const capacity = resources.get(resource);
          expect(capacity?.total).toBeGreaterThan(0);
          expect([undefined, 't']).toContain(capacity?.reservedFor);
          if (placement.warm !== undefined || capacity === undefined) continue;
          const freed = placement.evict.reduce((sum, { amounts }) => sum + (amounts[resource] ?? 0), 0);
          expect(capacity.leased - freed + amount).toBeLessThanOrEqual(capacity.total);
        }
        if (placement.warm !== undefined) {
          expect(placement).toMatchObject({ amounts: {}, evict: [], warm: { pipelineId: 'flux', projectId: 'film' } });
          return;
        }
        const given = placement.devices.map((id) => placement.amounts[gpuResource(id)] ?? 0);
        if (demand.gpus === 0) expect(placement.amounts).toEqual({ [CPU]: Math.min(demand.cpuMillis, on.cpu.total), [MEMORY]: demand.memoryBytes });
        else if (demand.splittable) expect(given.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThanOrEqual(demand.vramBytes);
        else expect(given).toEqual(Array.from({ length: demand.gpus }, () => demand.vramBytes));
      }),
      { numRuns: 1000 },
    );
  });

  test('finds a place by the best fit where there is one by the first, and says why where there is none', () => {
    fc.assert(
      fc.property(anyHosts, anyDemand, (hosts, demand) => {
        const [best, first] = [place(task({ demand }), hosts), place(task({ demand }), hosts, 'first')];
        expect(best.kind).toBe(first.kind);
        if (best.kind === 'wait') expect(best).toEqual(first);
        expect(place(task({ demand }), structuredClone(hosts))).toEqual(best);
      }),
      { numRuns: 500 },
    );
  });
});
