/** A pipeline's report of how far it is. */
export interface ProgressReport {
  /** 0–100. */
  progress: number;
  step: string;
}

/** When the gate lets a report through: now, at a later time (latest wins), or never, since it says nothing new. */
export type GateDecision = { pass: 'now' } | { pass: 'at'; time: number } | { pass: 'never' };

/** What the gate remembers of the last report that went through. */
export interface GateState extends ProgressReport {
  /** Milliseconds on the caller's clock; -Infinity before the first. */
  passedAt: number;
  /** Reports let through so far. */
  passed: number;
}

/** Reports after which the rate falls to one a second, so that the log of a day-long task stays bounded. */
const FULL_RATE_REPORTS = 1000;

/**
 * Coalesces a pipeline's reports: at most `perSecond` a second (0 for no limit), and only what differs from the
 * last one. Pure: the caller owns the timer, and keeps the latest report while it waits.
 */
export function gateProgress(last: GateState, next: ProgressReport, now: number, perSecond: number): GateDecision {
  if (next.progress === last.progress && next.step === last.step) return { pass: 'never' };
  if (perSecond === 0) return { pass: 'now' };
  const interval = last.passed < FULL_RATE_REPORTS ? 1000 / perSecond : 1000;
  const due = last.passedAt + interval;
  return now >= due ? { pass: 'now' } : { pass: 'at', time: due };
}
