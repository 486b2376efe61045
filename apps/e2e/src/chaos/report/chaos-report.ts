import type { ChaosRun } from '../run-chaos.js';
import type { ChaosFigures } from './chaos-figures.js';

/** The end of what a run prints. */
export function chaosReport(figures: ChaosFigures, { violations, evidence }: ChaosRun): string[] {
  const { seed, tasks, completed, failedOnPurpose, failedByKill, cancelled, workerLost, attempts, faults, faultsFired, faultKinds, forgottenTasks, forgottenStories, workerKilledP50Ms, workerKilledP95Ms, lost, twice } = figures;
  return [
    `seed ${seed}: ${faultsFired} of ${faults} faults of ${faultKinds} kinds fired`,
    `${tasks} tasks in ${attempts} attempts: ${completed} completed, ${failedOnPurpose} failed on purpose, ${failedByKill} failed since their container was killed, ${cancelled} cancelled, ${workerLost} lost their workers too often`,
    `worker killed to its task running again: ${workerKilledP50Ms === undefined ? 'no task was struck' : `p50 ${seconds(workerKilledP50Ms)}, p95 ${seconds(workerKilledP95Ms ?? 0)}`}`,
    `forgotten by a killed Redis, and asked for anew: ${forgottenTasks} tasks, ${forgottenStories} stories`,
    `${lost} lost, ${twice} twice, ${violations.length} violations`,
    ...violations.map(({ rule, text }) => `  VIOLATION ${rule}: ${text}`),
    ...(evidence === undefined ? [] : [`logs and stories: ${evidence}`]),
  ];
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
