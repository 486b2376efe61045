/** What may befall: each row a fault of faults.md A to D that can be inflicted from outside, on whom, and for how long. */

/** Whom a fault strikes. One target suffers one fault at a time; different ones may suffer at once. */
export type FaultField = 'redis' | 'worker' | 'api' | 'docker' | 'client';

interface FaultTraits {
  field: FaultField;
  /** How long it lasts before it is healed, milliseconds; absent: it is over at once. */
  lastsMs?: readonly [shortest: number, longest: number];
}

export const FAULT_KINDS = {
  'redis-restarted': { field: 'redis', lastsMs: [0, 2000] },
  'redis-killed': { field: 'redis', lastsMs: [0, 2000] },
  'redis-frozen': { field: 'redis', lastsMs: [1000, 7000] },
  'redis-slow': { field: 'redis', lastsMs: [2000, 6000] },
  'redis-half-open': { field: 'redis' },
  'redis-connections-cut': { field: 'redis' },
  'redis-pubsub-killed': { field: 'redis' },
  'redis-scripts-flushed': { field: 'redis' },
  'redis-full': { field: 'redis', lastsMs: [1000, 4000] },
  'worker-killed': { field: 'worker' },
  'worker-rolled': { field: 'worker' },
  'worker-frozen': { field: 'worker', lastsMs: [2000, 8000] },
  'job-lock-deleted': { field: 'redis' },
  'api-killed': { field: 'api' },
  'api-rolled': { field: 'api' },
  'api-frozen': { field: 'api', lastsMs: [1000, 4000] },
  'docker-restarted': { field: 'docker' },
  'docker-killed': { field: 'docker' },
  'docker-frozen': { field: 'docker', lastsMs: [1000, 6000] },
  'container-killed': { field: 'docker' },
  'docker-connections-cut': { field: 'docker' },
  'docker-stalled': { field: 'docker', lastsMs: [1000, 6000] },
  'clients-cut-off': { field: 'client' },
} as const satisfies Record<string, FaultTraits>;

export type FaultKind = keyof typeof FAULT_KINDS;

export function isFaultKind(word: string): word is FaultKind {
  return Object.hasOwn(FAULT_KINDS, word);
}

export const ALL_FAULT_KINDS: readonly FaultKind[] = Object.keys(FAULT_KINDS).filter(isFaultKind);

export function traitsOf(kind: FaultKind): FaultTraits {
  return FAULT_KINDS[kind];
}
