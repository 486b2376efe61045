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

test('a drain lets requests under way finish and refuses new ones', async () => {
  const drain = new Drain();
  let finish: () => void = () => undefined;
  const underWay = drain.run(() => new Promise<string>((resolve) => (finish = () => resolve('done'))));
  drain.begin();
  await expect(drain.run(() => Promise.resolve())).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  let idle = false;
  const waiting = drain.idle().then(() => (idle = true));
  expect(idle).toBe(false);
  finish();
  expect(await underWay).toBe('done');
  await waiting;
  await drain.idle();
});
