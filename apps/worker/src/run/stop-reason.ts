/** Why a run is to stop before its end; the `reason` of its AbortSignal. The first one counts. */
export type StopReason =
  /** Somebody cancelled the task. */
  | { kind: 'cancel'; reason: string }
  /** It ran longer than it may. */
  | { kind: 'timeout'; seconds: number }
  /** This worker is shutting down: the task goes back into its queue; `atOnce` where there is no time for a grace. */
  | { kind: 'drain'; atOnce?: boolean }
  /** What it holds of the host is not this worker's any more: the task goes back into its queue. */
  | { kind: 'lease-lost' }
  /** This process did not come to itself for so long that its containers were ended for it: the task goes back into its queue. */
  | { kind: 'blocked' }
  /** The task belongs to another worker by now: nothing of this attempt counts any more. */
  | { kind: 'superseded' };

/** The reason of a signal that our own code aborted. @throws TypeError for any other. */
export function stopReason(signal: AbortSignal): StopReason {
  const reason: unknown = signal.reason;
  if (typeof reason === 'object' && reason !== null && 'kind' in reason) return reason as StopReason;
  throw new TypeError('a run was aborted without a stop reason', { cause: reason });
}
