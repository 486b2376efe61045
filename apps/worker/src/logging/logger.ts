import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Injection token of the process's logger. */
export const LOGGER = Symbol('Logger');

/** JSON lines on stdout, written when the loop has time and at the end of the process; one logger a process, children of it name a task. */
export function createLogger(level: string, workerId: string): Logger {
  return pino({ level, base: { app: 'worker', worker: workerId }, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ dest: 1, sync: false }));
}
