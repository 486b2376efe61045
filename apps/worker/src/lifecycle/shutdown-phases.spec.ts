import { runShutdownPhases, type PhaseEnd, type ShutdownPhase } from './shutdown-phases.js';

let ran: string[];
let told: PhaseEnd[];
beforeEach(() => {
  ran = [];
  told = [];
});

function phase(name: string, work: () => Promise<unknown> | void = () => undefined, limitMs = 1000): ShutdownPhase {
  return {
    name, limitMs,
    run: () => {
      ran.push(name);
      return work();
    },
  };
}

const run = (phases: ShutdownPhase[], deadlineMs = 10_000): Promise<string[]> => runShutdownPhases(phases, deadlineMs, (end) => told.push(end));
const outcomes = (): string[] => told.map(({ name, outcome }) => `${name} ${outcome}`);
const never = (): Promise<never> => new Promise(() => undefined);

it('runs them one after the other', async () => {
  let isFirstDone = false;
  const first = phase('first', () => Promise.resolve().then(() => void (isFirstDone = true)));
  const second = phase('second', () => expect(isFirstDone).toBe(true));
  expect(await run([first, second])).toEqual([]);
  expect(outcomes()).toEqual(['first done', 'second done']);
});

it.each<[string, () => Promise<unknown> | void]>([
  ['rejects', () => Promise.reject(new Error('no'))],
  ['throws at once', () => { throw new Error('no'); }],
])('goes on after one that %s, and names it', async (_, fail) => {
  expect(await run([phase('fails', fail), phase('last')])).toEqual(['fails']);
  expect(told[0]).toMatchObject({ name: 'fails', outcome: 'failed', error: new Error('no') });
  expect(ran).toEqual(['fails', 'last']);
});

it('waits for one that hangs no longer than its limit', async () => {
  expect(await run([phase('hangs', never, 10), phase('last')], 50)).toEqual(['hangs']);
  expect(outcomes()).toEqual(['hangs late', 'last done']);
});

it('counts one that was late and came through before the end', async () => {
  let come: () => void = () => undefined;
  const slow = phase('slow', () => new Promise<void>((resolve) => (come = resolve)), 10);
  expect(await run([slow, phase('last', () => come())])).toEqual([]);
  expect(outcomes()[0]).toBe('slow late');
  expect(outcomes().slice(1).sort()).toEqual(['last done', 'slow done']);
});

it('begins every one even when the deadline is over, and names those that are not done', async () => {
  expect(await run([phase('hangs', never, 60_000), phase('hangs too', never, 60_000), phase('last', () => undefined, 60_000)], 20)).toEqual(['hangs', 'hangs too']);
  expect(ran).toEqual(['hangs', 'hangs too', 'last']);
});
