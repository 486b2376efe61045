// @ts-check
// What a worker holds once it is at rest.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { openFileDescriptors, rssBytes } from '../process-usage.mjs';

/** Until it has put away what its last tasks have left, and its connections that idle are closed. */
const SETTLE_MS = 1_500;
const COLLECTED_WITHIN_MS = 10_000;
const LOOK_AGAIN_MS = 20;

/** @typedef {{ rssBytes: number, heapBytes: number, fileDescriptors: number }} Footprint */

/**
 * Settings of a worker whose footprint can be taken.
 * @param {string} folder
 * @returns {Record<string, string>}
 */
export const footprintSettings = (folder) => ({
  NODE_OPTIONS: `--import=${new URL('collect-on-signal.mjs', import.meta.url).href}`,
  BENCH_MEMORY_FILE: memoryFile(folder),
});

/** @param {string} folder */
const memoryFile = (folder) => join(folder, 'worker-memory.json');

/**
 * @param {{ pid: number, folder: string, signal: AbortSignal }} worker that was started with {@link footprintSettings}
 * @returns {Promise<Footprint>}
 */
export async function takeFootprint({ pid, folder, signal }) {
  await pause(SETTLE_MS, undefined, { signal });
  const file = memoryFile(folder);
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  const until = performance.now() + COLLECTED_WITHIN_MS;
  while (!existsSync(file)) {
    if (performance.now() > until) throw new Error(`the worker did not collect its garbage within ${COLLECTED_WITHIN_MS / 1000} s`);
    await pause(LOOK_AGAIN_MS, undefined, { signal });
  }
  const { heapBytes } = JSON.parse(readFileSync(file, 'utf8'));
  return { rssBytes: rssBytes(pid), heapBytes, fileDescriptors: openFileDescriptors(pid) };
}
