import { expect, test } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Drain } from './drain.js';
import { shutDown } from './shutdown.js';

Logger.overrideLogger(false);

test('phases run in order; one that fails or hangs stops none after it', async () => {
  const ran: string[] = [];
  await shutDown(
    [
      { name: 'first', run: () => void ran.push('first') },
      { name: 'fails', run: () => Promise.reject(new Error('no')) },
      { name: 'hangs', run: () => new Promise<void>(() => ran.push('hangs')) },
      { name: 'last', run: () => void ran.push('last') },
    ],
    50,
  );
  expect(ran).toEqual(['first', 'hangs', 'last']);
});

test('a hurry brings the deadline near, whatever time there was', async () => {
  const ran: string[] = [];
  const hurry = new AbortController();
  const ended = shutDown(
    [
      { name: 'hangs', run: () => new Promise<void>(() => ran.push('hangs')) },
      { name: 'last', run: () => void ran.push('last') },
    ],
    3_600_000,
    hurry.signal,
  );
  expect(ran).toEqual(['hangs']);
  hurry.abort();
  await ended;
  expect(ran).toEqual(['hangs', 'last']);
});

test('a drain serves in its last call, lets what is under way finish, and refuses once closed', async () => {
  const drain = new Drain();
  expect(drain.isDraining).toBe(false);
  let finish: () => void = () => undefined;
  const underWay = drain.run(() => new Promise<string>((resolve) => (finish = () => resolve('done'))));
  drain.lastCall();
  expect(drain.isDraining).toBe(true);
  expect(await drain.run(() => Promise.resolve('served'))).toBe('served');
  let idle = false;
  const waiting = drain.idle().then(() => (idle = true));
  expect(idle).toBe(false);
  finish();
  expect(await underWay).toBe('done');
  await waiting;
  await drain.idle();
  drain.close();
  drain.lastCall();
  await expect(drain.run(() => Promise.resolve())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
});
