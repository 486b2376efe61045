import { expect, test } from '@jest/globals';
import { StartGate } from './start-gate.js';

test('lets a hundred starts of a project through at once, refuses the next with a hint, and keeps nobody else waiting', async () => {
  const gate = new StartGate();
  const finish: (() => void)[] = [];
  const start = (projectId: string): Promise<string> => gate.pass(projectId, () => new Promise((resolve) => finish.push(() => resolve('started'))));
  const first = Array.from({ length: 100 }, () => start('film'));
  await expect(start('film')).rejects.toMatchObject({ code: 'RATE_LIMITED', details: { limit: 100, retryAfterMs: 250 } });
  const other = start('other');
  finish[100]?.();
  expect(await other).toBe('started');
  finish[0]?.();
  expect(await first[0]).toBe('started');
  const next = start('film');
  await expect(start('film')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  for (const one of finish) one();
  expect(new Set(await Promise.all([...first, next]))).toEqual(new Set(['started']));
});

test('a start that fails makes room like any other', async () => {
  const gate = new StartGate();
  for (let turn = 0; turn < 150; turn += 1) await expect(gate.pass('film', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await gate.pass('film', () => Promise.resolve(1))).toBe(1);
});
