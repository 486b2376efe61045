import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Injection token of the process's logger. */
export const LOGGER = Symbol('Logger');

/** Lines are written together, by these many bytes or after these milliseconds: a write a line took a tenth of a short task's time. */
const BUFFER = { minLength: 4096, periodicFlush: 100 };

/** JSON lines on stdout, the last of them at the end of the process; one logger a process, children of it name a task. */
export function createLogger(level: string, workerId: string): Logger {
  return pino({ level, base: { app: 'worker', worker: workerId }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 1, sync: false, ...BUFFER }));
}
