// @ts-check
import { expect, test } from '@jest/globals';
import { cpuSeconds, openFileDescriptors, parseCpuSeconds, parseRssBytes, rssBytes } from './process-usage.mjs';

test('CPU time is read past a command with parentheses and spaces', () => {
  expect(parseCpuSeconds('17 (node (a) b) S 1 17 17 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 11 0 4000 1000 200')).toBe(3);
});

test('resident memory', () => {
  expect(parseRssBytes('Name:\tnode\nVmPeak:\t  900 kB\nVmRSS:\t   2048 kB\nRssAnon:\t 100 kB\n')).toBe(2048 * 1024);
});

test('of this very process', () => {
  expect(cpuSeconds(process.pid)).toBeGreaterThan(0);
  expect(rssBytes(process.pid)).toBeGreaterThan(10 * 1024 ** 2);
  expect(openFileDescriptors(process.pid)).toBeGreaterThan(2);
});
