// @ts-check
// What a process uses, as Linux tells it.
import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU time for programs in hundredths of a second, on every architecture (USER_HZ). */
const TICKS_PER_SECOND = 100;

/**
 * User and system time in /proc/<pid>/stat. The command may itself hold spaces and parentheses.
 * @param {string} stat
 */
export function parseCpuSeconds(stat) {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** @param {string} status /proc/<pid>/status */
export function parseRssBytes(status) {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  return Number(kibibytes) * 1024;
}

/** CPU seconds used so far. @param {number} pid */
export const cpuSeconds = (pid) => parseCpuSeconds(readFileSync(`/proc/${pid}/stat`, 'utf8'));

/** Resident memory. @param {number} pid */
export const rssBytes = (pid) => parseRssBytes(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** Open file descriptors. @param {number} pid */
export const openFileDescriptors = (pid) => readdirSync(`/proc/${pid}/fd`).length;
