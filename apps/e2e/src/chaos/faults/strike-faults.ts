/** Carries a plan out: each fault at its time, one at a time for each target. */
import { setTimeout as pause } from 'node:timers/promises';
import type { ChaosPlan, PlannedFault } from '../plan/plan-chaos.js';
import { traitsOf } from '../plan/fault-kinds.js';
import type { FaultEffect, FaultRecord } from './fault-record.js';

/** Whom a fault strikes, and how. */
export interface Strike {
  target: string;
  inflict: () => Promise<FaultEffect>;
}

/** Resolves once the last fault has been healed; a fault that did not fire is recorded as such and stops nothing. */
export async function strikeFaults(plan: ChaosPlan, startedAt: number, aimAt: (fault: PlannedFault) => Strike, told: (record: FaultRecord) => void): Promise<FaultRecord[]> {
  const busy = new Map<string, Promise<void>>();
  const records: FaultRecord[] = [];
  for (const fault of plan.faults) {
    await pause(Math.max(0, startedAt + fault.atMs - Date.now()));
    const { target, inflict } = aimAt(fault);
    const before = busy.get(target);
    busy.set(target, (async () => {
      await before;
      const struckAt = Date.now();
      const outcome = await inflict().then((effect) => ({ effect }), (error: unknown) => ({ failure: reasonOf(error) }));
      const record = { ...fault, target, struckAt, healedAt: Date.now(), ...outcome };
      records.push(record);
      told(record);
    })());
  }
  await Promise.all(busy.values());
  return records;
}

/** What a fault strikes is named by its field, and by its number where there are several. */
export function targetOf(fault: PlannedFault, sizes: { api: number; worker: number }): string {
  const { field } = traitsOf(fault.kind);
  return field === 'api' || field === 'worker' ? `${field}-${Math.floor(fault.aim * sizes[field]) + 1}` : field;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${reasonOf(error.cause)})`;
}
