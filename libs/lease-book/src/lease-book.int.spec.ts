import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Redis } from 'ioredis';
import { keys, schedulerChannel } from '@function-runner/progress-protocol';
import { decodeSchedulerMessage } from '@function-runner/scheduling';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, waitFor } from '@function-runner/testing';
import { LeaseBook, type AcquireOutcome, type Adoption } from './lease-book.js';
import type { LeaseRequest } from './lease.js';

const HOST = 'host-1';
/** Longer than any test: nothing expires unless a test makes it. */
const TTL_MS = 600_000;
const [A, B] = ['gpu:a', 'gpu:b'];
const ALL_KEYS = [keys.leaseTotals(HOST), keys.leased(HOST), keys.leases(HOST), keys.leaseExpiry(HOST), keys.leaseReserved(HOST)];

/** A lease of worker w1 for the task of the same number. */
const ask = (id: string, amounts: Record<string, number>, more: Partial<LeaseRequest> = {}): LeaseRequest => ({
  id, holder: 'w1', purpose: 'task', taskId: `task-${id}`, pipelineId: 'p:1', amounts, ...more,
});
const granted = { kind: 'granted' } as const;

describe('LeaseBook on a real Redis', () => {
  let server: RedisFixture;
  let redis: Redis;
  let other: Redis;
  let book: LeaseBook;

  beforeAll(async () => {
    server = await RedisFixture.start();
    redis = connectRedis(server.url, 'request', () => undefined);
    other = connectRedis(server.url, 'worker', () => undefined);
    book = new LeaseBook(redis, HOST, { ttlMs: TTL_MS });
  });
  afterAll(async () => {
    redis.disconnect();
    other.disconnect();
    await server.stop();
  });
  beforeEach(() => redis.flushall());

  /** Lets leases expire: as if their time had been long ago, `at` milliseconds after 1970. */
  const lapse = async (id: string, at = 1): Promise<void> => {
    expect(await redis.zadd(keys.leaseExpiry(HOST), 'XX', 'CH', at, id)).toBe(1);
  };
  const leased = async (): Promise<Readonly<Record<string, number>>> => (await book.read()).leased;
  const ids = async (): Promise<string[]> => (await book.read()).leases.map(({ id }) => id);
  const kept = async (): Promise<Record<string, string>> => Object.fromEntries(Object.entries((await book.read()).reserved).map(([resource, { taskId }]) => [resource, taskId]));

  describe('declare', () => {
    test('sets the totals to exactly what is said', async () => {
      await book.declare({ [A]: 10, cpu: 4000 });
      await book.declare({ [A]: 12, [B]: 0 });
      expect((await book.read()).totals).toEqual({ [A]: 12, [B]: 0 });
      await book.declare({});
      expect((await book.read()).totals).toEqual({});
    });

    test('drains what is not named any more: nothing new, and gone with the last lease', async () => {
      await book.declare({ [A]: 10, [B]: 10 });
      await book.acquire([ask('1', { [A]: 3 }), ask('2', { [A]: 4 })]);
      await book.declare({ [B]: 10 });
      expect(await book.read()).toMatchObject({ totals: { [A]: 0, [B]: 10 }, leased: { [A]: 7 } });
      expect(await book.acquire([ask('3', { [A]: 1 })])).toEqual([{ kind: 'short', resource: A, free: 0 }]);
      await book.release('w1', ['1']);
      expect((await book.read()).totals).toEqual({ [A]: 0, [B]: 10 });
      await book.release('w1', ['2']);
      expect(await book.read()).toMatchObject({ totals: { [B]: 10 }, leased: {} });
    });

    test('takes nothing away when a total shrinks below what is leased', async () => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 8 }), ask('2', { [A]: 1 })]);
      await book.declare({ [A]: 5 });
      expect(await book.acquire([ask('3', { [A]: 1 })])).toEqual([{ kind: 'short', resource: A, free: 0 }]);
      expect(await leased()).toEqual({ [A]: 9 });
      await book.release('w1', ['1']);
      expect(await book.acquire([ask('3', { [A]: 5 }), ask('4', { [A]: 4 })])).toEqual([{ kind: 'short', resource: A, free: 4 }, granted]);
    });

    test('refuses a total that is none', async () => {
      await book.declare({ [A]: 10 });
      await expect(book.declare({ [A]: -1 })).rejects.toThrow(RangeError);
      expect((await book.read()).totals).toEqual({ [A]: 10 });
    });
  });

  describe('acquire', () => {
    const asked: [string, LeaseRequest, AcquireOutcome][] = [
      ['what is free', ask('1', { [A]: 4, cpu: 1000 }), granted],
      ['one more than is free', ask('1', { [A]: 5 }), { kind: 'short', resource: A, free: 4 }],
      ['the first by name of what is short', ask('1', { cpu: 9999, [A]: 5 }), { kind: 'short', resource: 'cpu', free: 4000 }],
      ['a resource that nobody declared', ask('1', { 'gpu:new': 1 }), { kind: 'short', resource: 'gpu:new', free: 0 }],
      ['what is reserved for another, though it is free', ask('1', { [B]: 1 }), { kind: 'reserved', resource: B, by: 'big' }],
      ['what is reserved, and something short', ask('1', { [A]: 99, [B]: 1 }), { kind: 'reserved', resource: B, by: 'big' }],
      ['for the task that it is reserved for', ask('1', { [B]: 10 }, { taskId: 'big' }), granted],
      ['nothing', ask('1', {}), granted],
      ['nothing of something reserved, gone or short', ask('1', { [A]: 0, [B]: 0, 'gpu:new': 0 }), granted],
      ['again what it holds, whatever it says', ask('held', { [A]: 99 }), granted],
      ['by an id that is another’s', ask('held', { [A]: 1 }, { holder: 'w2' }), { kind: 'taken', by: 'w1' }],
    ];
    test.each(asked)('%s', async (_what, request, outcome) => {
      await book.declare({ [A]: 10, [B]: 10, cpu: 4000 });
      await book.acquire([ask('held', { [A]: 6 })]);
      await book.reserve('big', [B], 60_000);
      const before = await book.read();
      expect(await book.acquire([request])).toEqual([outcome]);
      const after = await book.read();
      if (outcome.kind === 'granted' && request.id !== 'held') {
        const amounts = Object.fromEntries(Object.entries(request.amounts).filter(([, amount]) => amount > 0));
        expect(after.leases.find(({ id }) => id === request.id)).toEqual({ ...request, amounts, expiresAt: expect.any(Number), expired: false });
      } else {
        expect(after.leased).toEqual(before.leased);
        expect(after.leases.map(({ id, amounts }) => [id, amounts])).toEqual([['held', { [A]: 6 }]]);
      }
    });

    test('grants in order, each wholly or not at all', async () => {
      await book.declare({ [A]: 10, [B]: 2 });
      const outcomes = await book.acquire([ask('1', { [A]: 6 }), ask('2', { [A]: 1, [B]: 3 }), ask('3', { [A]: 5 }), ask('4', { [A]: 4, [B]: 2 }), ask('5', {})]);
      expect(outcomes).toEqual([granted, { kind: 'short', resource: B, free: 2 }, { kind: 'short', resource: A, free: 4 }, granted, granted]);
      expect(await leased()).toEqual({ [A]: 10, [B]: 2 });
      expect(await ids()).toEqual(['1', '4', '5']);
      expect(await book.acquire([])).toEqual([]);
    });

    test('of one id twice in a batch counts once', async () => {
      await book.declare({ [A]: 10 });
      expect(await book.acquire([ask('1', { [A]: 6 }), ask('1', { [A]: 6 })])).toEqual([granted, granted]);
      expect(await leased()).toEqual({ [A]: 6 });
    });

    test('asked again after a lost answer renews, even what has expired meanwhile', async () => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 6 })]);
      await lapse('1');
      expect(await book.acquire([ask('1', { [A]: 6 })])).toEqual([granted]);
      expect(await book.read()).toMatchObject({ leased: { [A]: 6 }, leases: [{ id: '1', expired: false }] });
    });

    test('writes nothing where one amount of the batch is none', async () => {
      await book.declare({ [A]: 10 });
      await expect(book.acquire([ask('1', { [A]: 1 }), ask('2', { [A]: 1.5 })])).rejects.toThrow(RangeError);
      expect(await ids()).toEqual([]);
    });

    test('twenty at once over two connections: as many as fit', async () => {
      await book.declare({ [A]: 10 });
      const second = new LeaseBook(other, HOST, { ttlMs: TTL_MS });
      const outcomes = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? book : second).acquire([ask(`${i}`, { [A]: 3 })])));
      expect(outcomes.flat().filter(({ kind }) => kind === 'granted')).toHaveLength(3);
      expect(await leased()).toEqual({ [A]: 9 });
    });

    test('of a task’s lease ends all that was reserved for it, and nobody else’s', async () => {
      await book.declare({ [A]: 10, [B]: 10, cpu: 1 });
      await book.reserve('big', [A, B], 60_000);
      await book.reserve('huge', ['cpu'], 60_000);
      expect(await book.acquire([ask('1', { [A]: 1 }, { taskId: 'big' }), ask('2', { [A]: 1, [B]: 1 })])).toEqual([granted, granted]);
      expect(await kept()).toEqual({ cpu: 'huge' });
    });
  });

  describe('renew', () => {
    test('extends what is the holder’s, expired or not, and names what is not', async () => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 1 }), ask('2', { [A]: 1 }), ask('3', { [A]: 1 }, { holder: 'w2' })]);
      await lapse('1');
      await lapse('3');
      expect(await book.renew('w1', ['1', '2', '3', 'never'])).toEqual(['3', 'never']);
      const { leases, now } = await book.read();
      expect(leases.map(({ id, expired }) => [id, expired])).toEqual([['1', false], ['2', false], ['3', true]]);
      for (const { id, expiresAt } of leases.filter(({ holder }) => holder === 'w1')) {
        expect([id, expiresAt > now + TTL_MS - 60_000 && expiresAt <= now + TTL_MS]).toEqual([id, true]);
      }
      expect(await book.renew('w1', [])).toEqual([]);
    });

    test('brings nothing back to life', async () => {
      await book.acquire([ask('1', {})]);
      await book.release('w1', ['1']);
      expect(await book.renew('w1', ['1'])).toEqual(['1']);
      expect(await redis.keys('*')).toEqual([]);
    });
  });

  describe('release', () => {
    test('gives back what is the holder’s, once', async () => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 2 }), ask('2', { [A]: 3 }), ask('3', { [A]: 4 }, { holder: 'w2' })]);
      await lapse('1');
      await book.release('w1', ['1', '1', '3', 'never']);
      expect(await leased()).toEqual({ [A]: 7 });
      await book.release('w1', ['1']);
      await book.release('w1', []);
      expect(await leased()).toEqual({ [A]: 7 });
      await book.release('w1', ['2']);
      await book.release('w2', ['3']);
      expect((await redis.keys('*')).sort()).toEqual([keys.leaseTotals(HOST)]);
    });
  });

  describe('adopt', () => {
    const mine: Adoption = { from: 'w1', to: 'w1', purpose: 'task' };
    const theirs: Adoption = { from: 'w1', to: 'w2', purpose: 'task' };
    const ways: [string, { lapsed: boolean; attempt?: number }, Adoption, boolean][] = [
      ['one’s own', { lapsed: false }, { ...mine, purpose: 'warm' }, true],
      ['one’s own that has expired', { lapsed: true }, { ...mine, purpose: 'warm' }, true],
      ['another’s that has not expired', { lapsed: false }, theirs, false],
      ['another’s that has expired', { lapsed: true }, theirs, true],
      ['one that is a third’s', { lapsed: true }, { from: 'w3', to: 'w2', purpose: 'task' }, false],
      ['one that is the new holder’s, as another’s', { lapsed: true }, { from: 'w2', to: 'w1', purpose: 'task' }, false],
      ['for a later attempt', { lapsed: false, attempt: 2 }, { ...mine, attempt: 3 }, true],
      ['for the same attempt', { lapsed: false, attempt: 2 }, { ...mine, attempt: 2 }, true],
      ['for an earlier attempt', { lapsed: false, attempt: 2 }, { ...mine, attempt: 1 }, false],
      ['for an earlier attempt, by name of the same task', { lapsed: true, attempt: 2 }, { ...theirs, taskId: 'task-1', attempt: 1 }, false],
      ['for the first attempt of another task', { lapsed: false, attempt: 2 }, { ...mine, taskId: 'next', attempt: 1 }, true],
      ['for no attempt', { lapsed: false, attempt: 2 }, { ...mine, purpose: 'warm' }, true],
    ];
    test.each(ways)('%s', async (_what, { lapsed, attempt }, adoption, done) => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 6 }, { projectId: 'x', facts: { port: 80 } })]);
      if (attempt !== undefined) expect(await book.adopt('1', { ...mine, attempt })).toBe(true);
      if (lapsed) await lapse('1');
      const before = await book.read();
      expect(await book.adopt('1', adoption)).toBe(done);
      const after = await book.read();
      expect({ ...after, now: 0, leases: [] }).toEqual({ ...before, now: 0, leases: [] });
      if (!done) {
        expect(after.leases).toEqual(before.leases);
        return;
      }
      const taskId = adoption.taskId ?? 'task-1';
      const bound = adoption.attempt ?? attempt;
      expect(after.leases).toEqual([{
        ...ask('1', { [A]: 6 }, { projectId: 'x', facts: { port: 80 } }), holder: adoption.to, purpose: adoption.purpose, taskId,
        ...(bound === undefined ? {} : { attempt: bound }), expiresAt: expect.any(Number), expired: false,
      }]);
    });

    test('another task begins without an attempt', async () => {
      await book.acquire([ask('1', {})]);
      await book.adopt('1', { ...mine, attempt: 5 });
      await book.adopt('1', { ...mine, taskId: 'next' });
      expect((await book.read()).leases[0]).not.toHaveProperty('attempt');
    });

    test('replaces facts as a whole, and keeps them exactly', async () => {
      await book.acquire([ask('1', {}, { facts: { old: true } })]);
      const facts = { empty: [], none: null, big: 2 ** 53 - 1, small: 0.1, path: 'a/b', text: 'ä\u0000"\ud800', nested: { list: [{}, [1.5]] } };
      await book.adopt('1', { ...mine, purpose: 'warm', facts });
      await book.adopt('1', { ...mine, purpose: 'warm' });
      expect((await book.read()).leases[0]).toMatchObject({ facts, amounts: {} });
      await book.adopt('1', { ...mine, purpose: 'warm', facts: {} });
      expect((await book.read()).leases[0]?.facts).toEqual({});
    });

    test('of what is not there makes nothing', async () => {
      expect(await book.adopt('1', mine)).toBe(false);
      expect(await redis.keys('*')).toEqual([]);
    });

    test('by two successors at once has one winner, and the dead one is fenced off', async () => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 6 })]);
      await lapse('1');
      const second = new LeaseBook(other, HOST, { ttlMs: TTL_MS });
      const done = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? book : second).adopt('1', { from: 'w1', to: `successor-${i}`, purpose: 'task' })));
      expect(done.filter((won) => won)).toHaveLength(1);
      expect(await book.renew('w1', ['1'])).toEqual(['1']);
      await book.release('w1', ['1']);
      expect(await leased()).toEqual({ [A]: 6 });
    });

    test.each([['task', {}], ['warm', { [A]: 'task-1', [B]: 'task-1' }]] as const)('for a %s leaves of its task’s reservations %j', async (purpose, left) => {
      await book.acquire([ask('1', {})]);
      await book.reserve('task-1', [A, B], 60_000);
      await book.adopt('1', { ...mine, purpose });
      expect(await kept()).toEqual(left);
    });

    test('takes no part of what is reserved for another, so it is allowed there', async () => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 6 })]);
      await book.reserve('big', [A], 60_000);
      expect(await book.adopt('1', { ...mine, taskId: 'small', attempt: 1 })).toBe(true);
      expect(await kept()).toEqual({ [A]: 'big' });
    });
  });

  describe('reserve', () => {
    test('keeps all or none', async () => {
      expect(await book.reserve('big', [A], 60_000)).toBe(true);
      expect(await book.reserve('huge', [B, A], 60_000)).toBe(false);
      expect(await kept()).toEqual({ [A]: 'big' });
      const { now, reserved } = await book.read();
      expect(reserved[A]?.until).toBeGreaterThan(now);
      expect(reserved[A]?.until).toBeLessThanOrEqual(now + 60_000);
    });

    test('in place of what the task had, and again', async () => {
      await book.reserve('big', [A, B], 60_000);
      await book.reserve('big', [B, 'cpu'], 600_000);
      expect(await kept()).toEqual({ [B]: 'big', cpu: 'big' });
      const { now, reserved } = await book.read();
      expect(reserved[B]?.until).toBeGreaterThan(now + 500_000);
      expect(await book.reserve('huge', [A], 60_000)).toBe(true);
      expect(await book.reserve('big', [A], 60_000)).toBe(false);
      expect(await kept()).toEqual({ [A]: 'huge', [B]: 'big', cpu: 'big' });
      expect(await book.reserve('big', [], 60_000)).toBe(true);
      expect(await kept()).toEqual({ [A]: 'huge' });
    });

    test('ends with its time', async () => {
      await book.declare({ [A]: 10 });
      await book.reserve('big', [A], 1);
      await waitFor('the reservation to be over', async () => Object.keys((await book.read()).reserved).length === 0);
      expect(await book.acquire([ask('1', { [A]: 10 })])).toEqual([granted]);
      expect(await book.reserve('huge', [A], 60_000)).toBe(true);
      expect(await kept()).toEqual({ [A]: 'huge' });
    });

    test('ends by unreserve, for that task alone', async () => {
      await book.reserve('big', [A, B], 60_000);
      await book.reserve('huge', ['cpu'], 60_000);
      await book.unreserve('big');
      await book.unreserve('nobody');
      expect(await kept()).toEqual({ cpu: 'huge' });
    });

    test('by twenty tasks at once has one winner', async () => {
      const second = new LeaseBook(other, HOST, { ttlMs: TTL_MS });
      const done = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? book : second).reserve(`task-${i}`, i % 3 === 0 ? [A] : [A, B], 60_000)));
      expect(done.filter((won) => won)).toHaveLength(1);
      expect(new Set(Object.values(await kept())).size).toBe(1);
    });

    test.each([1.5, Number.NaN])('refuses to last %d ms', async (ms) => {
      await expect(book.reserve('big', [A], ms)).rejects.toThrow(RangeError);
    });
  });

  describe('what has expired', () => {
    test('is listed, counts, and is given back by whoever has looked', async () => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 6 }), ask('2', { [A]: 1 })]);
      expect(await book.expired()).toEqual([]);
      await lapse('1', 42);
      const expired = await book.expired();
      expect(expired).toEqual([{ ...ask('1', { [A]: 6 }), expiresAt: 42, expired: true }]);
      expect(await book.acquire([ask('3', { [A]: 6 })])).toEqual([{ kind: 'short', resource: A, free: 3 }]);
      expect(await Promise.all([book.releaseExpired({ id: '1', expiresAt: 42 }), book.releaseExpired({ id: '1', expiresAt: 42 })])).toEqual([true, false]);
      expect(await book.acquire([ask('3', { [A]: 6 })])).toEqual([granted]);
      expect(await ids()).toEqual(['2', '3']);
    });

    test('expires by itself', async () => {
      const brief = new LeaseBook(other, HOST, { ttlMs: 5 });
      await brief.acquire([ask('1', {})]);
      const [lease] = await waitFor('the lease to expire', async () => ((await book.expired()).length > 0 ? book.expired() : undefined));
      expect(lease).toMatchObject({ id: '1', expired: true });
    });

    const since: [string, () => Promise<unknown>][] = [
      ['renewed', () => book.renew('w1', ['1'])],
      ['adopted', () => book.adopt('1', { from: 'w1', to: 'w2', purpose: 'task' })],
      ['renewed, and has expired again', async () => { await book.renew('w1', ['1']); await lapse('1', 43); }],
      ['adopted, and has expired again', async () => { await book.adopt('1', { from: 'w1', to: 'w2', purpose: 'task' }); await lapse('1', 43); }],
    ];
    test.each(since)('is not given back where it has been %s since the look', async (_what, happen) => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 6 })]);
      await lapse('1', 42);
      const [seen] = await book.expired();
      await happen();
      expect(await book.releaseExpired(seen ?? { id: 'none was seen', expiresAt: 0 })).toBe(false);
      expect(await leased()).toEqual({ [A]: 6 });
    });

    test('is not given back before its time, nor where it is not there', async () => {
      await book.acquire([ask('1', {})]);
      const [lease] = (await book.read()).leases;
      expect(await book.releaseExpired(lease ?? { id: 'none', expiresAt: 0 })).toBe(false);
      expect(await book.releaseExpired({ id: 'never', expiresAt: 1 })).toBe(false);
      expect(await ids()).toEqual(['1']);
    });
  });

  test('the books of two hosts know nothing of each other', async () => {
    const second = new LeaseBook(redis, 'host-2', { ttlMs: TTL_MS });
    await Promise.all([book, second].map((each) => each.declare({ [A]: 10 })));
    expect(await book.acquire([ask('1', { [A]: 6 })])).toEqual([granted]);
    expect(await second.acquire([ask('1', { [A]: 7 }, { holder: 'w2' })])).toEqual([granted]);
    expect(await leased()).toEqual({ [A]: 6 });
    expect((await second.read()).leased).toEqual({ [A]: 7 });
  });

  test('of a host that nobody spoke of the book is empty', async () => {
    expect(await book.read()).toEqual({ now: expect.any(Number), totals: {}, leased: {}, reserved: {}, leases: [] });
    expect(await book.expired()).toEqual([]);
    expect(await redis.keys('*')).toEqual([]);
  });

  test('amounts of 2^50 and beyond are exact to the byte', async () => {
    const big = 2 ** 50;
    await book.declare({ [A]: 2 * big + 3, [B]: Number.MAX_SAFE_INTEGER });
    expect(await book.acquire([
      ask('1', { [A]: big + 1 }), ask('2', { [A]: big + 3 }), ask('3', { [A]: big + 1 }), ask('4', { [A]: 2 }), ask('5', { [B]: Number.MAX_SAFE_INTEGER }), ask('6', { [B]: 1 }),
    ])).toEqual([granted, { kind: 'short', resource: A, free: big + 2 }, granted, { kind: 'short', resource: A, free: 1 }, granted, { kind: 'short', resource: B, free: 0 }]);
    expect(await redis.hgetall(keys.leased(HOST))).toEqual({ [A]: '2251799813685250', [B]: '9007199254740991' });
    // Written anew by the script, and read again.
    await book.adopt('1', { from: 'w1', to: 'w1', purpose: 'warm', attempt: 1 });
    expect((await book.read()).leases[0]).toMatchObject({ id: '1', amounts: { [A]: big + 1 } });
    await book.release('w1', ['1']);
    expect(await leased()).toEqual({ [A]: big + 1, [B]: Number.MAX_SAFE_INTEGER });
    await book.release('w1', ['3', '5']);
    expect(await book.read()).toMatchObject({ totals: { [A]: 2 * big + 3, [B]: Number.MAX_SAFE_INTEGER }, leased: {} });
  });

  describe('the wake-up', () => {
    let subscriber: Redis;
    let heard: string[];
    beforeEach(async () => {
      heard = [];
      subscriber = connectRedis(server.url, 'subscriber', () => undefined);
      subscriber.on('message', (_channel: string, text: string) => heard.push(text));
      await subscriber.subscribe(schedulerChannel);
      await book.declare({ [A]: 10, [B]: 10 });
      await book.acquire([ask('1', { [A]: 1 }), ask('2', { [A]: 1 }), ask('warm', {}, { purpose: 'warm' })]);
      await lapse('2');
      await book.reserve('big', [A, B], 60_000);
      await drain();
      heard = [];
    });
    afterEach(() => subscriber.disconnect());

    /** Until all that was published so far has been heard; the mark itself is left out. */
    async function drain(): Promise<void> {
      await redis.publish(schedulerChannel, 'mark');
      await waitFor('the mark', () => heard.includes('mark'));
      heard = heard.filter((text) => text !== 'mark');
    }

    const ways: [string, number, () => Promise<unknown>][] = [
      ['declare', 1, () => book.declare({ [A]: 11 })],
      ['a release of two', 1, () => book.release('w1', ['1', '2'])],
      ['a release of what is another’s', 0, () => book.release('w2', ['1', 'never'])],
      ['a release of what expired', 1, async () => book.releaseExpired((await book.expired())[0] ?? { id: '', expiresAt: 0 })],
      ['a release of what has not', 0, () => book.releaseExpired({ id: '1', expiresAt: 1 })],
      ['unreserve', 1, () => book.unreserve('big')],
      ['unreserve of nothing', 0, () => book.unreserve('nobody')],
      ['a grant', 0, () => book.acquire([ask('3', {})])],
      ['a grant that ends reservations', 1, () => book.acquire([ask('3', { [A]: 1 }, { taskId: 'big' })])],
      ['a renewal', 0, () => book.renew('w1', ['1', '2'])],
      ['a reservation renewed', 0, () => book.reserve('big', [A, B], 60_000)],
      ['a reservation of less', 1, () => book.reserve('big', [A], 60_000)],
      ['a change of purpose', 0, () => book.adopt('1', { from: 'w1', to: 'w1', purpose: 'warm' })],
      ['a warm container that serves a task with reservations', 1, () => book.adopt('warm', { from: 'w1', to: 'w1', purpose: 'task', taskId: 'big', attempt: 1 })],
      ['reading', 0, () => book.read()],
    ];
    test.each(ways)('%s is told %d times', async (_what, times, happen) => {
      await happen();
      await drain();
      expect(heard).toEqual(Array.from({ length: times }, () => '{"kind":"free","host":"host-1"}'));
      for (const text of heard) expect(decodeSchedulerMessage(text)).toEqual({ kind: 'free', host: HOST });
    });
  });

  describe('the keys', () => {
    test('of the leases end at one moment, and all a week after the book was declared, or a lease renewed', async () => {
      const LEASE_KEYS = [keys.leased(HOST), keys.leases(HOST), keys.leaseExpiry(HOST)];
      const uses: [string, 'all' | 'leases' | 'none', () => Promise<unknown>][] = [
        ['declare', 'all', () => book.declare({ [A]: 10 })], ['acquire', 'leases', () => book.acquire([ask('1', { [A]: 1 }), ask('2', { [A]: 1 })])], ['reserve', 'all', () => book.reserve('big', [A], 600_000)],
        ['renew', 'all', () => book.renew('w1', ['1'])], ['adopt', 'all', () => book.adopt('1', { from: 'w1', to: 'w1', purpose: 'warm' })], ['release', 'none', () => book.release('w1', ['2'])],
      ];
      for (const [use, kept, happen] of uses) {
        // What was left of them before must not be what is found after.
        for (const key of ALL_KEYS) await redis.pexpire(key, 60_000);
        await happen();
        const present = (await redis.keys('*')).sort();
        // In one step, in which time hardly passes; PEXPIRETIME, which would do, is of Redis 7.
        const ends = await redis.eval(`local ends = {} for i, key in ipairs(KEYS) do ends[i] = redis.call('PTTL', key) end return ends`, present.length, ...present) as number[];
        const inAWeek = present.filter((_key, index) => (ends[index] ?? 0) > 6 * 86_400_000 && (ends[index] ?? 0) <= 7 * 86_400_000);
        expect([use, inAWeek]).toEqual([use, present.filter((key) => kept === 'all' || (kept === 'leases' && LEASE_KEYS.includes(key)))]);
        const ofLeases = ends.filter((_end, index) => LEASE_KEYS.includes(present[index] ?? ''));
        expect([use, ofLeases.length === 0 || Math.max(...ofLeases) - Math.min(...ofLeases) <= 1]).toEqual([use, true]);
        expect([use, ends.every((end) => end > 0)]).toEqual([use, true]);
      }
      expect((await redis.keys('*')).sort()).toEqual([...ALL_KEYS].sort());
    });

    test('a Redis that is full grants nothing, but renews and takes back', async () => {
      await book.declare({ [A]: 10 });
      await book.acquire([ask('1', { [A]: 1 }), ask('2', { [A]: 1 }), ask('3', { [A]: 1 })]);
      await lapse('1');
      await lapse('2');
      await redis.config('SET', 'maxmemory', '1');
      try {
        await expect(book.acquire([ask('4', { [A]: 1 })])).rejects.toThrow('OOM');
        expect(await book.renew('w1', ['1'])).toEqual([]);
        const [seen] = await book.expired();
        expect(await book.releaseExpired(seen ?? { id: '', expiresAt: 0 })).toBe(true);
        await book.release('w1', ['3']);
      } finally {
        await redis.config('SET', 'maxmemory', '0');
      }
      expect(await book.read()).toMatchObject({ leased: { [A]: 1 }, leases: [{ id: '1', expired: false }] });
    });
  });

  describe.each(['request', 'worker'] as const)('on a connection of role %s', (role) => {
    let connection: Redis;
    let fresh: LeaseBook;
    beforeEach(() => {
      connection = connectRedis(server.url, role, () => undefined);
      fresh = new LeaseBook(connection, HOST, { ttlMs: TTL_MS });
    });
    afterEach(() => connection.disconnect());

    test('the first scripts may come in one tick with other commands', async () => {
      const [, , outcomes] = await Promise.all([connection.get('anything'), fresh.declare({ [A]: 10 }), fresh.acquire([ask('1', { [A]: 10 })]), fresh.release('w1', ['1'])]);
      expect(outcomes).toEqual([granted]);
      expect(await fresh.read()).toMatchObject({ totals: { [A]: 10 }, leased: {}, leases: [] });
    });

    test('the scripts survive SCRIPT FLUSH, one by one and in a burst', async () => {
      await fresh.declare({ [A]: 10 });
      await redis.script('FLUSH');
      expect(await fresh.acquire([ask('1', { [A]: 1 })])).toEqual([granted]);
      await redis.script('FLUSH');
      const outcomes = await Promise.all(Array.from({ length: 12 }, (_, i) => fresh.acquire([ask(`burst-${i}`, { [A]: 1 })])));
      expect(outcomes.flat().filter(({ kind }) => kind === 'granted')).toHaveLength(9);
      await redis.script('FLUSH');
      expect(await fresh.renew('w1', ['1'])).toEqual([]);
      expect((await fresh.read()).leased).toEqual({ [A]: 10 });
    });
  });
});
