import { Logger } from '@nestjs/common';

/** A step of the end, in the order in which it happens. */
export interface ShutdownPhase {
  name: string;
  run: () => Promise<void> | void;
}

/**
 * Runs the phases one after the other under one deadline. A phase that fails or comes too late is logged and does not
 * stop those after it, which then get no more time than it takes to call them.
 */
export async function shutDown(phases: readonly ShutdownPhase[], timeoutMs: number): Promise<void> {
  const logger = new Logger('Shutdown');
  const deadline = performance.now() + timeoutMs;
  for (const { name, run } of phases) {
    const started = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), Math.max(0, deadline - started));
    });
    try {
      const outcome = await Promise.race([Promise.resolve(run()).then(() => 'done' as const), late]);
      const spent = Math.round(performance.now() - started);
      if (outcome === 'done') logger.log(`${name}: ${spent} ms`);
      else logger.warn(`${name}: not done when DRAIN_TIMEOUT was over; going on without it`);
    } catch (error) {
      logger.error(`${name}: failed: ${String(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }
}
