import { writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What the process holds now, in bytes. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}

/** The most it has held since `forgetPeak`, or since its start, in bytes. */
export function peakResidentBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Starts the peak anew (Linux 4.0 on). Where the sandbox does not offer it, the peak stays that of the process. */
export function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Only a figure is coarser then.
  }
}

/** Less than this is left to V8, in bytes: a collection takes some 5 ms. */
const WORTH_COLLECTING = 16e6;

let collector: (() => void) | undefined;

/** Frees the last picture's buffers where they are large: V8 would keep them as long as the server idles. */
export function releaseBuffers(): void {
  if (process.memoryUsage().arrayBuffers < WORTH_COLLECTING) return;
  collector ??= exposedCollector();
  collector();
  // The first one leaves the buffers to a thread, and the second waits for it.
  collector();
}

function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
