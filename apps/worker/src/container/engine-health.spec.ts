import { beforeEach, expect, it, jest } from '@jest/globals';
import { createLogger } from '../logging/logger.js';
import { EngineFault, type EngineFaultKind } from './engine-fault.js';
import { EngineHealth } from './engine-health.js';

let fail: (kind: EngineFaultKind) => void;
let probe: () => Promise<void>;
let health: EngineHealth;
let changes: boolean[];

beforeEach(() => {
  probe = () => Promise.resolve();
  // No looks by itself: each test looks when it wants to.
  health = new EngineHealth({ onFault: (listener) => (fail = (kind) => listener(new EngineFault(kind, `it is ${kind}`))), probe: () => probe() }, { containerEngine: 'null' }, createLogger('silent', 'test'));
  changes = [];
  health.onChange(() => changes.push(health.fit));
});

it.each<[EngineFaultKind, boolean]>([['unreachable', false], ['unresponsive', false], ['no-space', false], ['failed', true]])('a fault of kind %s leaves it fit: %p', async (kind, fit) => {
  fail(kind);
  fail(kind);
  expect([health.fit, health.fault]).toEqual([fit, fit ? undefined : `it is ${kind}`]);
  await health.look();
  expect([health.fit, health.fault]).toEqual([true, undefined]);
  expect(changes).toEqual(fit ? [] : [false, true]);
});

it('is unfit as long as a look fails', async () => {
  probe = () => Promise.reject(new EngineFault('unreachable', 'nobody listens'));
  await health.look();
  await health.look();
  expect([health.fit, health.fault, changes]).toEqual([false, 'nobody listens', [false]]);
});

it('believes no look that a failure overtook', async () => {
  let answer: () => void = () => undefined;
  probe = () => new Promise((resolve) => (answer = resolve));
  const looked = health.look();
  fail('no-space');
  answer();
  await looked;
  expect(health.fit).toBe(false);
});

it('counts the later of two looks, whichever ends first', async () => {
  let refuse: (error: Error) => void = () => undefined;
  probe = () => new Promise((_, reject) => (refuse = reject));
  const slow = health.look();
  probe = () => Promise.resolve();
  await health.look();
  refuse(new EngineFault('unresponsive', 'no answer'));
  await slow;
  expect([health.fit, changes]).toEqual([true, []]);
});

it('is unfit when the answer does not come promptly', async () => {
  jest.useFakeTimers();
  try {
    probe = () => new Promise(() => undefined);
    const looked = health.look();
    await jest.advanceTimersByTimeAsync(3000);
    await looked;
    expect([health.fit, health.fault]).toEqual([false, expect.stringContaining('does not answer promptly')]);
  } finally {
    jest.useRealTimers();
  }
});
