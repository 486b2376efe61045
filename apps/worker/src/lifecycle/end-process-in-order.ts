import type { INestApplication } from '@nestjs/common';
import type { Logger } from '../logging/logger.js';
import type { WorkerLifecycle } from './worker-lifecycle.js';

/** How long the server may take to close after everything else has ended, milliseconds. */
const CLOSE_MS = 500;

/**
 * Ends the process on SIGTERM and SIGINT: in order by the first, at once by the second, and by the deadline whatever hangs.
 * The exit status is 0 where everything could be done. Any error that nobody caught ends it too, since what it left
 * half-done is unknown: its containers and its tasks are put right by other workers, as after a kill.
 *
 * By process.exit: as PID 1 of a container the signal that Nest would send itself has no effect.
 */
export function endProcessInOrder(app: INestApplication, lifecycle: WorkerLifecycle, logger: Logger): void {
  let ending = false;
  const end = async (): Promise<void> => {
    const overtime = setTimeout(() => {
      logger.fatal({ phase: lifecycle.phase, left: lifecycle.undone }, 'not everything had ended by the deadline; ending anyway');
      process.exit(1);
    }, lifecycle.deadlineMs + CLOSE_MS);
    try {
      await app.close();
    } catch (error) {
      logger.error({ err: error }, 'the server could not be closed');
      process.exit(1);
    }
    clearTimeout(overtime);
    process.exit(lifecycle.undone.length === 0 ? 0 : 1);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending) lifecycle.hurry();
      else void end();
      ending = true;
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      logger.fatal({ err: error, event }, 'an error that nobody caught; this process ends at once');
      process.exit(1);
    });
  }
}
