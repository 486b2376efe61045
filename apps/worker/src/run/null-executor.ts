import { elapse } from './elapse.js';
import type { Attempt, Made, TaskExecutor } from './task-executor.port.js';

/** Progress events of a null run, protocol §8. */
const EVENTS = 8;

/** Runs nothing and reports eight progress events and success: what is left is the control plane, to be measured. */
export class NullExecutor implements TaskExecutor {
  constructor(private readonly durationMs: number) {}

  async execute({ reporter, signal, started }: Attempt): Promise<Made> {
    started();
    for (let event = 1; event <= EVENTS; event += 1) {
      if (this.durationMs > 0) await elapse(this.durationMs / EVENTS, signal);
      signal.throwIfAborted();
      reporter.report((event * 100) / (EVENTS + 1), `null step ${event} of ${EVENTS}`);
    }
    return { outputs: [], metadata: {}, claim: { memoryBytes: 0 } };
  }

  withMore(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  clear(): Promise<void> {
    return Promise.resolve();
  }
}
