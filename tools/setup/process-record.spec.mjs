// @ts-check
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcess, endRecorded, findRecorded, isAlive, parseProcStat, parseRecord, recordProcess } from './process-record.mjs';

/** @type {string} */
let folder;
/** @type {import('node:child_process').ChildProcess[]} */
let children;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fr-record-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A program that says when it listens for signals. @param {string} body @returns {Promise<number>} */
async function start(body) {
  const child = spawn(process.execPath, ['-e', `${body}; setInterval(() => {}, 1000); console.log('up')`, 'our-marker'], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  if (!child.stdout || child.pid === undefined) throw new Error('not started');
  await once(child.stdout, 'data');
  return child.pid;
}

describe('a recorded process', () => {
  test('is found while it lives, and ended', async () => {
    const pid = await start('');
    recordProcess(folder, 'app', { pid, marker: 'our-marker', note: 'n' });
    expect(findRecorded(folder, 'app')).toMatchObject({ pid, note: 'n' });
    expect(await endRecorded(folder, 'app', 5000)).toBe(pid);
    expect(isAlive(pid)).toBe(false);
    expect(await endRecorded(folder, 'app', 5000)).toBeUndefined();
  });
  test('is not taken for another one that has its id now', async () => {
    const pid = await start('');
    recordProcess(folder, 'app', { pid, marker: 'another-word' });
    expect(findRecorded(folder, 'app')).toBeUndefined();
    recordProcess(folder, 'app', { pid, marker: 'our-marker' });
    const file = join(folder, 'app.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), started: '1' }));
    expect(await endRecorded(folder, 'app', 5000)).toBeUndefined();
    expect(isAlive(pid)).toBe(true);
  });
  test('exclusive: the first one stays', async () => {
    recordProcess(folder, 'runner', { pid: process.pid, marker: 'x' }, { exclusive: true });
    expect(() => recordProcess(folder, 'runner', { pid: process.pid, marker: 'x' }, { exclusive: true })).toThrow('EEXIST');
  });
});

test('one that ignores SIGTERM is killed after the grace', async () => {
  const pid = await start("process.on('SIGTERM', () => {})");
  expect(await endProcess(pid, 200)).toBe('killed');
  expect(isAlive(pid)).toBe(false);
});

test('a stat line whose command holds parentheses and spaces', () => {
  const fields = Array.from({ length: 30 }, (_, index) => String(index + 4));
  expect(parseProcStat(`12 (tmux: (a) b) S ${fields.join(' ')}`)).toEqual({ zombie: false, parent: 4, started: '22' });
  expect(parseProcStat(`12 (x) Z ${fields.join(' ')}`).zombie).toBe(true);
});

test.each(['', '{', '{"pid":1,"started":"1","marker":"x"}', '{"pid":"7","started":"1","marker":"x"}'])('%j is no record', (text) => {
  expect(parseRecord(text)).toBeUndefined();
});
