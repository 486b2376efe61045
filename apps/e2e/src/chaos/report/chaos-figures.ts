import { quantile } from '../oracle/quantile.js';
import { recoveryTimes } from '../oracle/recovery-times.js';
import type { ChaosRun } from '../run-chaos.js';

/** The figures of a run; names say the unit. */
export interface ChaosFigures {
  seed: number;
  minutes: number;
  liveRestore: boolean;
  faults: number;
  faultsFired: number;
  faultKinds: number;
  tasks: number;
  completed: number;
  failedOnPurpose: number;
  failedByKill: number;
  cancelled: number;
  workerLost: number;
  forgottenTasks: number;
  forgottenStories: number;
  attempts: number;
  /** Undefined where no worker was killed at a task that ran again. */
  workerKilledP50Ms: number | undefined;
  workerKilledP95Ms: number | undefined;
  lost: number;
  twice: number;
  violations: number;
}

export function chaosFigures({ seed, minutes }: { seed: number; minutes: number }, { facts, outcomes, violations, liveRestore, forgottenTasks, forgottenStories }: ChaosRun): ChaosFigures {
  const recovery = recoveryTimes(facts);
  return {
    seed, minutes, liveRestore,
    faults: facts.faults.length, faultsFired: facts.faults.filter(({ effect }) => effect !== undefined).length, faultKinds: new Set(facts.faults.map(({ kind }) => kind)).size,
    tasks: facts.logs.size, ...outcomes, forgottenTasks, forgottenStories,
    attempts: [...facts.logs.values()].reduce((sum, events) => sum + (events.at(-1)?.attempt ?? 0), 0),
    workerKilledP50Ms: quantile(recovery, 0.5), workerKilledP95Ms: quantile(recovery, 0.95),
    lost: violations.filter(({ rule, text }) => rule === 'acknowledged' || (rule === 'ended' && text.includes('has 0 terminal'))).length,
    twice: violations.filter(({ text }) => /has two takes|has [2-9] terminal|acknowledged as/.test(text)).length,
    violations: violations.length,
  };
}
