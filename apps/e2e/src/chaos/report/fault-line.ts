import type { FaultRecord } from '../faults/fault-record.js';

/** One line of a fault: when, what, whom, how long, and the proof that it fired. */
export function faultLine({ struckAt, healedAt, kind, target, effect, failure }: FaultRecord, startedAt: number): string {
  const at = `+${((struckAt - startedAt) / 1000).toFixed(1)} s`.padStart(9);
  const lasted = `${((healedAt - struckAt) / 1000).toFixed(1)} s`.padStart(7);
  return `${at}${lasted}  ${kind.padEnd(22)} ${target.padEnd(9)} ${effect === undefined ? `DID NOT FIRE: ${failure ?? 'for no known reason'}` : effect.proof}`;
}
