// @ts-check
// Which processes this checkout started. A record outlives a killed set-up, so that the next one can end what was left
// behind. A process is touched only when its id, its start time and a word of its command line all match the record: ids
// are reused, and a name alone proves nothing.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { codeOf } from './setup-error.mjs';

/**
 * @typedef {{ pid: number, started: string, marker: string, note?: string }} ProcessRecord
 * @typedef {{ parent: number, started: string, command: string, zombie: boolean }} ProcessFacts
 */

/** How often a process that is not our child is asked whether it is gone; there is nothing to be woken by. */
const LOOK_AGAIN_MS = 25;

/**
 * The fields of /proc/<pid>/stat after the command, which may itself hold spaces and parentheses.
 * @param {string} stat
 */
export function parseProcStat(stat) {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { zombie: fields[0] === 'Z' || fields[0] === 'X', parent: Number(fields[1]), started: fields[19] ?? '' };
}

/** @param {number} pid @returns {ProcessFacts | undefined} undefined: there is no such process */
export function processFacts(pid) {
  if (process.platform === 'linux') {
    try {
      const facts = parseProcStat(readFileSync(`/proc/${pid}/stat`, 'utf8'));
      return { ...facts, command: readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() };
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return undefined;
      throw error;
    }
  }
  try {
    const out = execFileSync('ps', ['-p', String(pid), '-o', 'stat=,ppid=,lstart=,command='], { encoding: 'utf8' }).trim();
    const [, state = '', parent = '', started = '', command = ''] = /^(\S+)\s+(\d+)\s+(\S+ \S+\s+\d+ [\d:]+ \d+)\s+(.*)$/s.exec(out) ?? [];
    return { parent: Number(parent), started, command, zombie: state.startsWith('Z') };
  } catch {
    // ps answers 1 and nothing for a process that does not exist.
    return undefined;
  }
}

/** @param {number} pid */
export function isAlive(pid) {
  const facts = processFacts(pid);
  return facts !== undefined && !facts.zombie;
}

/** @param {string} runFolder @param {string} name */
const recordFile = (runFolder, name) => join(runFolder, `${name}.json`);

/**
 * @param {string} runFolder
 * @param {string} name
 * @param {{ pid: number, marker: string, note?: string }} entry `marker`: a word that its command line holds
 * @param {{ exclusive?: boolean }} [options] `exclusive`: throw EEXIST instead of replacing a record
 */
export function recordProcess(runFolder, name, { pid, marker, note }, { exclusive = false } = {}) {
  /** @type {ProcessRecord} */
  const record = { pid, started: processFacts(pid)?.started ?? '', marker, ...(note === undefined ? {} : { note }) };
  writeFileSync(recordFile(runFolder, name), JSON.stringify(record), { flag: exclusive ? 'wx' : 'w' });
}

/**
 * The recorded process, if it still is the one that was recorded.
 * @param {string} runFolder
 * @param {string} name
 * @returns {ProcessRecord | undefined}
 */
export function findRecorded(runFolder, name) {
  let text;
  try {
    text = readFileSync(recordFile(runFolder, name), 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const record = parseRecord(text);
  const facts = record && processFacts(record.pid);
  const same = record && facts && !facts.zombie && facts.started === record.started && facts.command.includes(record.marker);
  return same ? record : undefined;
}

/** @param {string} text @returns {ProcessRecord | undefined} undefined: half-written or not ours */
export function parseRecord(text) {
  try {
    const value = JSON.parse(text);
    const valid = Number.isInteger(value?.pid) && value.pid > 1 && typeof value.started === 'string' && typeof value.marker === 'string';
    return valid ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @param {string} runFolder @param {string} name */
export const forgetProcess = (runFolder, name) => rmSync(recordFile(runFolder, name), { force: true });

/** @param {number} pid @param {NodeJS.Signals} signal */
export function sendSignal(pid, signal) {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/**
 * SIGTERM, then SIGKILL once the grace is over; returns when the process is gone.
 * @param {number} pid
 * @param {number} graceMs
 * @returns {Promise<'gone' | 'killed'>}
 */
export async function endProcess(pid, graceMs) {
  sendSignal(pid, 'SIGTERM');
  const deadline = performance.now() + graceMs;
  let killed = false;
  while (isAlive(pid)) {
    if (!killed && performance.now() > deadline) {
      sendSignal(pid, 'SIGKILL');
      killed = true;
    }
    await pause(LOOK_AGAIN_MS);
  }
  return killed ? 'killed' : 'gone';
}

/**
 * Ends what an earlier set-up left behind under this name.
 * @param {string} runFolder
 * @param {string} name
 * @param {number} graceMs
 * @returns {Promise<number | undefined>} the id of what was ended
 */
export async function endRecorded(runFolder, name, graceMs) {
  const record = findRecorded(runFolder, name);
  if (record) await endProcess(record.pid, graceMs);
  forgetProcess(runFolder, name);
  return record?.pid;
}
