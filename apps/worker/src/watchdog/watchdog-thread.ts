/**
 * The watchdog's thread: hears the beats of the main loop, and where none comes for too long kills the containers of this
 * worker, since nobody renews the locks and leases that they run by. Again and again until the loop turns: a container
 * whose creation was under way may start later.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import { killContainersOf } from '../container/kill-containers-of.js';
import { LoopSigns } from './loop-signs.js';
import type { WatchdogTask } from './watchdog-task.js';

/** Between two looks for containers of a loop that stays blocked, milliseconds. */
const KILL_AGAIN_MS = 250;

const { memory, limitMs, target } = workerData as WatchdogTask;
const signs = new LoopSigns(memory);

for (;;) {
  const seen = signs.beats;
  if (signs.waitForBeat(seen, limitMs)) continue;
  signs.trip();
  while (signs.beats === seen) {
    // A daemon that does not answer is asked again; the loop will say what it found when it turns.
    signs.countKilled((await killContainersOf(target).catch(() => [])).length);
    await pause(KILL_AGAIN_MS);
  }
}
