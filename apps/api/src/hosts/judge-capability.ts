import { couldEverRun, type HostState, type ResourceDemand } from '@function-runner/scheduling';
import type { HostFacts } from '@function-runner/task-store';

/** Whether a task has a future: `able`, a host that lives could run it; `awaited`, one that may come could; else why none could. */
export type Capability = { kind: 'able' } | { kind: 'awaited' } | { kind: 'none'; why: string };

/**
 * Judges a demand by what hosts have in all, whatever runs there now. One that is away is waited for as long as `waitMs`
 * after it was heard of last; where none lives, workers may be about to start.
 */
export function judgeCapability(demand: ResourceDemand, hosts: readonly HostFacts[], now: number, waitMs: number): Capability {
  const live = hosts.filter(({ alive }) => alive);
  const ability = couldEverRun(demand, live.map(emptyHost));
  if (ability.able) return { kind: 'able' };
  const awaited = hosts.filter(({ alive, seenAt }) => !alive && now - seenAt < waitMs);
  if (live.length === 0 || couldEverRun(demand, awaited.map(emptyHost)).able) return { kind: 'awaited' };
  return { kind: 'none', why: ability.why };
}

/** A host as if nothing ran on it. */
export function emptyHost({ hostId, name, devices, cpuMillis, memoryBytes }: HostFacts): HostState {
  return {
    hostId, name, warm: [],
    devices: devices.map((device) => ({ id: device.id, name: device.name, total: device.health === 'ok' ? device.totalBytes : 0, leased: 0 })),
    cpu: { total: cpuMillis, leased: 0 },
    memory: { total: memoryBytes, leased: 0 },
  };
}
