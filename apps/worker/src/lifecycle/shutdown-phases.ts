/** A step of the worker's end, in the order in which it happens. */
export interface ShutdownPhase {
  /** What it does, as the log says it. */
  name: string;
  run: () => Promise<unknown> | void;
  /** How long the phases after it wait for it, milliseconds. */
  limitMs: number;
}

/** What became of a phase: `late` is one that others did not wait for any longer; it goes on meanwhile. */
export interface PhaseEnd {
  name: string;
  outcome: 'done' | 'failed' | 'late';
  /** Since its beginning, milliseconds. */
  ms: number;
  error?: unknown;
}

/**
 * Tries every phase, whatever became of those before it, and no longer than the deadline, milliseconds from now: once that
 * is over, those that are left are begun and not waited for. What comes late may still be done by the end.
 * @returns the names of those that are not done; none where all went well
 */
export async function runShutdownPhases(phases: readonly ShutdownPhase[], deadlineMs: number, tell: (end: PhaseEnd) => void): Promise<string[]> {
  const endsAt = performance.now() + deadlineMs;
  const left = new Set(phases.map(({ name }) => name));
  const late: Promise<void>[] = [];
  for (const { name, run, limitMs } of phases) {
    const began = performance.now();
    const ms = (): number => Math.round(performance.now() - began);
    const work = attempt(run).then(
      () => {
        left.delete(name);
        tell({ name, outcome: 'done', ms: ms() });
      },
      (error: unknown) => tell({ name, outcome: 'failed', ms: ms(), error }),
    );
    if (await settles(work, Math.min(limitMs, endsAt - began))) continue;
    tell({ name, outcome: 'late', ms: ms() });
    late.push(work);
  }
  await settles(Promise.all(late), endsAt - performance.now());
  return phases.flatMap(({ name }) => (left.has(name) ? [name] : []));
}

/** A phase that throws at once has failed like any other. */
async function attempt(run: ShutdownPhase['run']): Promise<void> {
  await run();
}

/** Whether the work has settled after so many milliseconds; it never rejects. */
function settles(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), Math.max(0, milliseconds));
    void work.then(() => {
      clearTimeout(timer);
      resolve(true);
    });
  });
}
