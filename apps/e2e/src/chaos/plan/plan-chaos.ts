import { ALL_FAULT_KINDS, traitsOf, type FaultKind } from './fault-kinds.js';
import { seededDraws } from './seeded-draws.js';

/** One fault to come. */
export interface PlannedFault {
  /** From the start of the run, milliseconds. */
  atMs: number;
  kind: FaultKind;
  /** Until it is healed, milliseconds; 0 for one that is over at once. */
  lastsMs: number;
  /** Whom of several it strikes: a fraction of their list. */
  aim: number;
}

export interface ChaosPlan {
  seed: number;
  durationMs: number;
  /** Whether the Docker daemon keeps its containers over a restart. */
  liveRestore: boolean;
  /** In the order of their times. */
  faults: readonly PlannedFault[];
}

/** Between two faults, milliseconds (issue: every 1–5 s). */
const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 5000;

/** Let the clients begin before the first. */
const FIRST_AT_MS = 2000;

/**
 * Which faults strike when. The kinds are dealt like cards, so that none is seen twice before all were seen once, and a
 * run of some minutes meets each of them. The same seed, time and kinds give the same plan; seeds take turns with live-restore.
 * @throws RangeError where there is no kind, or no time
 */
export function planChaos(seed: number, minutes: number, kinds: readonly FaultKind[] = ALL_FAULT_KINDS): ChaosPlan {
  if (kinds.length === 0) throw new RangeError('chaos wants at least one kind of fault');
  if (!(minutes > 0)) throw new RangeError('chaos wants some time');
  const draws = seededDraws(seed, 'faults');
  const durationMs = Math.round(minutes * 60_000);
  const faults: PlannedFault[] = [];
  let deck: FaultKind[] = [];
  for (let atMs = FIRST_AT_MS; atMs < durationMs; atMs += Math.round(draws.between(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS))) {
    if (deck.length === 0) deck = draws.shuffle(kinds);
    const kind = deck.pop();
    if (kind === undefined) break;
    const [shortest, longest] = traitsOf(kind).lastsMs ?? [0, 0];
    faults.push({ atMs, kind, lastsMs: Math.round(draws.between(shortest, longest)), aim: draws.fraction() });
  }
  return { seed, durationMs, liveRestore: seed % 2 === 0, faults };
}
