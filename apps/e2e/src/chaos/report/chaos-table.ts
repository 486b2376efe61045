/** The table "Chaos runs" of docs/reliability.md: a row a seed. Pure. */
import type { ChaosFigures } from './chaos-figures.js';

const BEGIN = '<!-- chaos-runs -->';
const END = '<!-- /chaos-runs -->';
const HEAD = [
  '| seed | minutes | live-restore | faults (kinds) | tasks | attempts | completed | failed on purpose | container killed | cancelled | worker killed to running again, p50 / p95 | forgotten by a killed Redis | lost | twice | violations |',
  '|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|',
];

/** Puts the run's row into the table, in the place of an earlier one of its seed. @throws Error where the page has no place for it */
export function withChaosRow(page: string, figures: ChaosFigures): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`the page has no ${BEGIN} … ${END}`);
  const rows = page.slice(begin + BEGIN.length, end).split('\n').filter((line) => /^\| \d+ \|/.test(line) && seedOf(line) !== figures.seed);
  const table = [...HEAD, ...[...rows, rowOf(figures)].sort((a, b) => seedOf(a) - seedOf(b))];
  return `${page.slice(0, begin)}${BEGIN}\n${table.join('\n')}\n${page.slice(end)}`;
}

function seedOf(row: string): number {
  return Number(row.split('|')[1]);
}

function rowOf({ seed, minutes, liveRestore, faultsFired, faultKinds, tasks, attempts, completed, failedOnPurpose, failedByKill, cancelled, workerKilledP50Ms, workerKilledP95Ms, forgottenTasks, lost, twice, violations }: ChaosFigures): string {
  const recovery = workerKilledP50Ms === undefined || workerKilledP95Ms === undefined ? 'none struck' : `${(workerKilledP50Ms / 1000).toFixed(1)} s / ${(workerKilledP95Ms / 1000).toFixed(1)} s`;
  return `| ${[seed, minutes, liveRestore ? 'on' : 'off', `${faultsFired} (${faultKinds})`, tasks, attempts, completed, failedOnPurpose, failedByKill, cancelled, recovery, forgottenTasks, lost, twice, violations].join(' | ')} |`;
}
