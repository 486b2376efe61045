import type { Attempt } from './task-executor.port.js';
import { NullExecutor } from './null-executor.js';

/** What the executor does with an attempt; no more of the reporter is used. */
function attempt(signal: AbortSignal): { attempt: Attempt; reports: [number, string | undefined][]; starts: () => number } {
  const reports: [number, string | undefined][] = [];
  let starts = 0;
  const reporter = { report: (progress: number, step: string | undefined) => reports.push([progress, step]) };
  return { attempt: { signal, reporter, started: () => (starts += 1) } as unknown as Attempt, reports, starts: () => starts };
}

describe('NullExecutor', () => {
  it('reports eight times, in order, and success', async () => {
    const { attempt: given, reports, starts } = attempt(new AbortController().signal);
    expect(await new NullExecutor(0).execute(given)).toEqual({ outputs: [], metadata: {}, claim: { memoryBytes: 0 } });
    expect(reports).toHaveLength(8);
    expect(reports[0]).toEqual([100 / 9, 'null step 1 of 8']);
    expect(reports.map(([progress]) => progress)).toEqual(reports.map(([progress]) => progress).toSorted((a, b) => a - b));
    expect(starts()).toBe(1);
  });

  it('spreads them over its duration', async () => {
    const from = performance.now();
    await new NullExecutor(80).execute(attempt(new AbortController().signal).attempt);
    expect(performance.now() - from).toBeGreaterThan(70);
  });

  it('ends at once when it is stopped', async () => {
    const controller = new AbortController();
    const { attempt: given, reports } = attempt(controller.signal);
    const running = new NullExecutor(3_600_000).execute(given);
    controller.abort({ kind: 'drain' });
    await expect(running).rejects.toEqual({ kind: 'drain' });
    expect(reports).toEqual([]);
  });
});
