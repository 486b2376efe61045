import type { StopReason } from './stop-reason.js';

/**
 * Whether what runs may be asked to end, and wait for its grace. Not so where others may run the task, or hold its place,
 * already: there it is killed. Pure.
 */
export function allowsGrace(reason: StopReason): boolean {
  switch (reason.kind) {
    case 'cancel':
    case 'timeout':
      return true;
    case 'drain':
      return reason.atOnce !== true;
    case 'lease-lost':
    case 'blocked':
    case 'superseded':
      return false;
  }
}
