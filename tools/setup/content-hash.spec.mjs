// @ts-check
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesBelow, hashFolder } from './content-hash.mjs';

/** @type {string} */
let folder;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fr-hash-'));
  mkdirSync(join(folder, 'b'));
  writeFileSync(join(folder, 'b', 'two'), '2', { mode: 0o644 });
  writeFileSync(join(folder, 'a'), '1', { mode: 0o644 });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('files come sorted, skipped folders are not entered', async () => {
  expect(await filesBelow(folder)).toEqual(['a', 'b/two']);
  expect(await filesBelow(folder, (path) => path === 'b')).toEqual(['a']);
});

test('content, names, links, words and the executable bit count; times do not', async () => {
  const first = await hashFolder(folder);
  utimesSync(join(folder, 'a'), 1, 1);
  expect(await hashFolder(folder)).toBe(first);
  const seen = new Set([first, await hashFolder(folder, { words: ['base'] })]);
  writeFileSync(join(folder, 'a'), '3');
  seen.add(await hashFolder(folder));
  chmodSync(join(folder, 'a'), 0o755);
  seen.add(await hashFolder(folder));
  symlinkSync('a', join(folder, 'c'));
  seen.add(await hashFolder(folder));
  expect(seen.size).toBe(5);
});
