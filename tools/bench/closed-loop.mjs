// @ts-check
import { Interrupted } from '../setup/setup-error.mjs';

/**
 * Keeps `inFlight` tasks going for a while: each that ends is followed by the next. Tasks that end after the time is up
 * are waited for and count for the latencies, not for the throughput.
 * @param {{ run: () => Promise<import('./task-client.mjs').TaskTimes> }} client
 * @param {{ inFlight: number, durationMs: number, signal: AbortSignal }} load
 * @returns {Promise<{ tasks: import('./task-client.mjs').TaskTimes[], perSecond: number }>}
 */
export async function closedLoop(client, { inFlight, durationMs, signal }) {
  /** @type {import('./task-client.mjs').TaskTimes[]} */
  const tasks = [];
  const until = performance.now() + durationMs;
  let endedInTime = 0;
  const lane = async () => {
    while (performance.now() < until) {
      if (signal.aborted) throw new Interrupted();
      tasks.push(await client.run());
      if (performance.now() <= until) endedInTime += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { tasks, perSecond: (endedInTime * 1000) / durationMs };
}
