import { setTimeout as delay } from 'node:timers/promises';

/** Between two looks at a client that reads slowly, milliseconds. */
const LOOK_EVERY_MS = 20;

/**
 * Waits until a client has taken what was sent to it, all but a little. True then; false once it is gone, or nobody should
 * wait for it any more. One that is there and never reads is put an end to by the heartbeat or the time-out of its connection.
 */
export async function hasDrained(isSlow: () => boolean, isOver: () => boolean): Promise<boolean> {
  while (!isOver()) {
    if (!isSlow()) return true;
    await delay(LOOK_EVERY_MS, undefined, { ref: false });
  }
  return false;
}
