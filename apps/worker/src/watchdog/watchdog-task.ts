import type { KillTarget } from '../container/kill-containers-of.js';

/** What the watchdog's thread is told when it is started. */
export interface WatchdogTask {
  memory: SharedArrayBuffer;
  /** A loop that has not turned for so long counts as blocked, milliseconds. */
  limitMs: number;
  target: KillTarget;
}
