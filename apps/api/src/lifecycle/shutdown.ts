import { setImmediate as turn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';

/** A step of the end, in the order in which it happens. */
export interface ShutdownPhase {
  name: string;
  run: () => Promise<void> | void;
}

/** What all phases together still get once somebody is in a hurry, milliseconds. */
const HURRY_MS = 1_000;

/**
 * Runs the phases one after the other under one deadline, which `hurry` brings near. A phase that fails or comes too late is
 * logged and does not stop those after it, which then get no more time than it takes to call them.
 */
export async function shutDown(phases: readonly ShutdownPhase[], timeoutMs: number, hurry?: AbortSignal): Promise<void> {
  const logger = new Logger('Shutdown');
  const deadline = new Deadline(timeoutMs, hurry);
  for (const { name, run } of phases) {
    const started = performance.now();
    try {
      const outcome = await deadline.race(Promise.resolve(run()).then(() => 'done' as const));
      const spent = Math.round(performance.now() - started);
      if (outcome === 'done') logger.log(`${name}: ${spent} ms`);
      else logger.warn(`${name}: not done in the time there was; going on without it`);
    } catch (error) {
      logger.error(`${name}: failed: ${String(error)}`);
    }
  }
  deadline.clear();
}

/** The moment when nothing is waited for any more. */
class Deadline {
  private readonly over: Promise<'late'>;
  private timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number, hurry: AbortSignal | undefined) {
    const at = performance.now() + timeoutMs;
    this.over = new Promise((resolve) => {
      const end = (inMs: number): void => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => resolve('late'), inMs);
      };
      end(timeoutMs);
      hurry?.addEventListener('abort', () => end(Math.max(0, Math.min(HURRY_MS, at - performance.now()))), { once: true });
    });
  }

  /** What `work` gives, or `late`. Where the time is over before, it has one turn of the loop. */
  race<T>(work: Promise<T>): Promise<T | 'late'> {
    return Promise.race([work, this.over.then((late) => turn(late))]);
  }

  clear(): void {
    clearTimeout(this.timer);
  }
}
