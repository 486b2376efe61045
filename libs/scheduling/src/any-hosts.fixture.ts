import fc from 'fast-check';
import type { HostState } from './cluster-state.js';
import { gpuResource } from './resource-id.js';
import { GIB, device, host, onCores, onGpus, warmContainer } from './scheduling.fixture.js';

/** Hosts in any state; what is kept is kept for the tasks `t` or `other`. */
export const anyHosts = fc.array(
  fc.record({
    devices: fc.array(fc.record({ total: fc.constantFrom(0, 12, 24, 48), used: fc.double({ min: 0, max: 1, noNaN: true }), reservedFor: fc.constantFrom(undefined, undefined, 't', 'other') }), { maxLength: 4 }),
    cores: fc.constantFrom(0, 4, 8), usedCores: fc.double({ min: 0, max: 1, noNaN: true }), usedMemory: fc.double({ min: 0, max: 1, noNaN: true }), reservedFor: fc.constantFrom(undefined, undefined, 't', 'other'),
    idle: fc.array(fc.record({ device: fc.nat(3), part: fc.double({ min: 0, max: 1, noNaN: true }), since: fc.nat(9), pinned: fc.boolean(), own: fc.boolean(), pipelineId: fc.constantFrom('flux', 'other', 'other') }), { maxLength: 4 }),
  }),
  { maxLength: 3 },
).map((given) => given.map(({ devices, cores: count, usedCores, usedMemory, reservedFor, idle }, index): HostState => {
  const kept = reservedFor === undefined ? {} : { reservedFor };
  const made = devices.map(({ total, used, reservedFor: by }, number) => device(`${index}-${number}`, total, Math.floor(total * used), by));
  // An idle container holds a part of what is leased, so that nothing is freed that was never leased.
  const left = new Map(made.map(({ id, leased }) => [id, leased]));
  const warm = idle.flatMap(({ device: number, part, since, pinned, own, pipelineId }, place) => {
    const on = made[number];
    if (on === undefined) return [];
    const held = Math.floor((left.get(on.id) ?? 0) * part);
    left.set(on.id, (left.get(on.id) ?? 0) - held);
    return [warmContainer(`${index}w${place}`, { [gpuResource(on.id)]: held }, { idleSince: since, pinned, pipelineId, projectId: own ? 'film' : 'series' })];
  });
  return host(`h${index}`, { devices: made, warm, cpu: { total: count * 1000, leased: Math.floor(count * 1000 * usedCores), ...kept }, memory: { total: 32 * GIB, leased: Math.floor(32 * GIB * usedMemory), ...kept } });
}));

/** Demands, of which some fit nowhere. */
export const anyDemand = fc.oneof(
  fc.record({ gib: fc.integer({ min: 0, max: 60 }), gpus: fc.integer({ min: 1, max: 3 }), splittable: fc.boolean() }).map(({ gib, gpus, splittable }) => onGpus(gib, { gpus, splittable: splittable && gpus === 1 })),
  fc.record({ cores: fc.integer({ min: 0, max: 10 }), gib: fc.integer({ min: 0, max: 40 }) }).map(({ cores: count, gib }) => onCores(count, gib)),
);
