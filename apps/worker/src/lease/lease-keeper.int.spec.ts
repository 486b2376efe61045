import { LeaseBook, type BookState, type Lease } from '@function-runner/lease-book';
import { keys, schedulerChannel } from '@function-runner/progress-protocol';
import { waitingTaskOf } from '@function-runner/scheduling';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, tempFolder, testJob, waitFor, type TempFolder } from '@function-runner/testing';
import type { Redis } from 'ioredis';
import { v4 as uuid } from 'uuid';
import { loadWorkerConfig } from '../config/worker-config.js';
import { WorkerWiring } from '../worker-wiring.fixture.js';
import type { HeldLease } from './held-lease.js';
import type { WantedLease } from './lease-keeper.js';

const GIB = 1024 ** 3;
const GPU = 'gpu:GPU-a';

let server: RedisFixture;
let folder: TempFolder;
let redis: Redis;
let worker: WorkerWiring;
let lost: HeldLease[];

beforeAll(async () => {
  server = await RedisFixture.start();
  folder = await tempFolder();
  redis = connectRedis(server.url, 'worker', () => undefined);
});
beforeEach(async () => {
  worker = await new WorkerWiring(loadWorkerConfig({ REDIS_URL: server.url, WORKSPACE_ROOT: folder.path, CONTAINER_ENGINE: 'null', HOST_ID: uuid(), GPU_INVENTORY: '[{"uuid":"GPU-a","name":"A","vram_gib":24}]' })).open();
  lost = [];
  worker.leases.onLost((lease) => lost.push(lease));
});
afterEach(() => worker.close());
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await folder.remove();
});

const want = (taskId: string, gib: number): WantedLease => ({ task: waitingTaskOf(taskId, 'high', testJob(''), 'normal'), amounts: { [GPU]: gib * GIB } });

async function lease(taskId = uuid(), gib = 8): Promise<HeldLease> {
  const [held] = await worker.leases.acquire([want(taskId, gib)]);
  if (held === undefined) throw new Error('the book has refused');
  return held;
}

const book = (): Promise<BookState> => worker.host.book.read();
const inBook = async (id: string): Promise<Lease | undefined> => (await book()).leases.find((each) => each.id === id);
const known = (): Readonly<Record<string, number>> => worker.leases.mirror.current.leased;

/** Lets a lease run out, as after a long silence of its holder. */
const lapse = (id: string): Promise<unknown> => redis.zadd(keys.leaseExpiry(worker.host.id), 'XX', 1, id);

/** The lease is somebody else's from now on: it ran out, and was taken over before its holder could renew it. */
async function takeOver(id: string): Promise<void> {
  await waitFor('it to be taken over', async () => {
    await lapse(id);
    return worker.host.book.adopt(id, { from: worker.config.workerId, to: 'successor', purpose: 'warm' });
  });
}

/** Counts how often the book is asked to renew from now on; each question waits for `before`. */
function questions(before: () => Promise<void> = () => Promise.resolve()): { readonly count: number } {
  const counted = { count: 0 };
  const { book: real } = worker.host;
  const renew = real.renew.bind(real);
  real.renew = async (...args: Parameters<LeaseBook['renew']>) => {
    counted.count += 1;
    await before();
    return renew(...args);
  };
  return counted;
}

describe('a lease', () => {
  it('is in the book with whose it is and what for, and in the mirror without another reading', async () => {
    const held = await lease('task-1', 8);
    expect(held).toMatchObject({ amounts: { [GPU]: 8 * GIB }, devices: ['GPU-a'], taskId: 'task-1' });
    expect(await inBook(held.id)).toMatchObject({ holder: worker.config.workerId, purpose: 'task', taskId: 'task-1', pipelineId: 'script:1.0', projectId: 'film', amounts: { [GPU]: 8 * GIB }, expired: false });
    expect([worker.leases.count, worker.leases.holds(held.id), worker.leases.mirror.isStale]).toEqual([1, true, false]);
    expect(known()).toEqual({ [GPU]: 8 * GIB });
    expect((await book()).leased).toEqual({ [GPU]: 8 * GIB });
  });

  it('is refused where there is not enough: of several each by itself, in their order, and the mirror is known to be wrong', async () => {
    const others = new LeaseBook(redis, worker.host.id, { ttlMs: 60_000 });
    await others.acquire([{ id: uuid(), holder: 'other', purpose: 'task', taskId: 'theirs', pipelineId: 'p', amounts: { [GPU]: 8 * GIB } }]);
    const [first, second, third] = await worker.leases.acquire([want('a', 12), want('b', 12), want('c', 4)]);
    expect([first?.taskId, second, third?.taskId]).toEqual(['a', undefined, 'c']);
    expect([worker.leases.count, worker.leases.mirror.isStale]).toEqual([2, true]);
    await worker.leases.mirror.refresh();
    expect(known()).toEqual({ [GPU]: 24 * GIB });
    expect(await worker.leases.acquire([])).toEqual([]);
  });

  it('is given back once, by whoever has it', async () => {
    const [one, other] = [await lease(), await lease()];
    await worker.leases.release([one]);
    await worker.leases.release([one, { ...one, id: 'never-ours' }]);
    expect([worker.leases.count, worker.leases.holds(one.id), worker.leases.holds(other.id)]).toEqual([1, false, true]);
    expect([known(), (await book()).leased]).toEqual([{ [GPU]: 8 * GIB }, { [GPU]: 8 * GIB }]);
    await worker.leases.release([other]);
    expect((await book()).leases).toEqual([]);
  });

  it('that cannot be given back is nothing that stops its holder; it runs out by itself, since nobody renews it', async () => {
    const held = await lease();
    const { book: real } = worker.host;
    real.release = () => Promise.reject(new Error('Redis is full'));
    await worker.leases.release([held]);
    expect([worker.leases.count, worker.leases.mirror.isStale]).toEqual([0, true]);
    const still = await lease();
    await lapse(held.id);
    await lapse(still.id);
    await waitFor('the other one to be renewed', async () => (await inBook(still.id))?.expired === false);
    expect(await worker.host.book.expired()).toEqual([expect.objectContaining({ id: held.id })]);
  });

  it('of a warm container shows as such, and then as its next task’s', async () => {
    const held = await lease('first');
    await worker.leases.keepWarm(held, { idleSince: 7, shareable: true, pinned: false });
    expect([held.taskId, worker.leases.isIdle(held.id)]).toEqual([undefined, true]);
    expect(await inBook(held.id)).toMatchObject({ purpose: 'warm', taskId: 'first', facts: { idleSince: 7, shareable: true, pinned: false } });
    await worker.leases.useFor(held, { taskId: 'second' });
    expect([held.taskId, worker.leases.isIdle(held.id), worker.leases.isIdle('never-ours')]).toEqual(['second', false, false]);
    expect(await inBook(held.id)).toMatchObject({ purpose: 'task', taskId: 'second', amounts: { [GPU]: 8 * GIB } });
  });
});

describe('renewal', () => {
  it('goes on by itself, also for what has run out already, and says when it was sent', async () => {
    const held = await lease();
    await lapse(held.id);
    held.renewedAt = 0;
    await waitFor('the renewal', async () => (await inBook(held.id))?.expired === false);
    await waitFor('its answer', () => held.renewedAt > 0);
    expect(lost).toEqual([]);
  });

  it('tells, once, of one that was given away, which then is not renewed or given back any more', async () => {
    const [given, kept] = [await lease('given'), await lease('kept')];
    await takeOver(given.id);
    await waitFor('the loss', () => lost.length > 0);
    expect([worker.leases.count, worker.leases.holds(given.id), worker.leases.mirror.isStale]).toEqual([1, false, true]);
    const asked = questions();
    await waitFor('two more renewals', () => asked.count >= 2);
    await worker.leases.release([given]);
    expect(lost).toEqual([given]);
    expect(await inBook(given.id)).toMatchObject({ holder: 'successor' });
    expect(await inBook(kept.id)).toMatchObject({ holder: worker.config.workerId, expired: false });
  });

  it('tells of one that is gone, too', async () => {
    const held = await lease();
    await redis.flushall();
    await waitFor('the loss', () => lost.length > 0);
    expect(lost).toEqual([held]);
  });

  it('does not take for lost what was given back while it was under way', async () => {
    const held = await lease();
    let release: Promise<void> | undefined;
    const asked = questions(async () => {
      release ??= worker.leases.release([held]);
      await release;
    });
    await lease();
    await waitFor('two renewals', () => asked.count >= 2);
    expect(await inBook(held.id)).toBeUndefined();
    expect(lost).toEqual([]);
  });

  it('that fails is tried again, and loses nothing', async () => {
    const held = await lease();
    let failures = 0;
    const asked = questions(() => ((failures += 1) < 2 ? Promise.reject(new Error('Redis is away')) : Promise.resolve()));
    held.renewedAt = 0;
    await waitFor('a renewal that went well', () => held.renewedAt > 0);
    expect([asked.count >= 2, lost, worker.leases.count]).toEqual([true, [], 1]);
  });

  it('ends with the keeper', async () => {
    const held = await lease();
    worker.leases.close();
    const asked = questions();
    const other = await new WorkerWiring({ ...worker.config, workerId: 'other' }).open();
    const [theirs] = await other.leases.acquire([want('theirs', 1)]);
    await lapse(held.id);
    await lapse(theirs?.id ?? '');
    await waitFor('the other’s renewal', async () => (await inBook(theirs?.id ?? ''))?.expired === false);
    expect([asked.count, (await inBook(held.id))?.expired]).toEqual([0, true]);
    await other.close();
  });
});

describe('confirm', () => {
  /** Renewed too long ago to be sure of. */
  const LONG_AGO_MS = 6000;

  it('asks nobody of what was renewed just now', async () => {
    const held = await lease();
    const asked = questions();
    expect(await worker.leases.confirm(held)).toBe(true);
    await worker.leases.release([held]);
    expect(await worker.leases.confirm(held)).toBe(false);
    expect(asked.count).toBe(0);
  });

  it('asks the book of what may have run out, which renews it where it is ours still', async () => {
    const held = await lease();
    await lapse(held.id);
    const before = performance.now() - LONG_AGO_MS;
    held.renewedAt = before;
    const asked = questions();
    expect(await worker.leases.confirm(held)).toBe(true);
    expect(asked.count).toBeGreaterThan(0);
    expect(held.renewedAt).toBeGreaterThan(before);
    expect((await inBook(held.id))?.expired).toBe(false);
  });

  it('finds what was given away meanwhile', async () => {
    const held = await lease();
    await takeOver(held.id);
    held.renewedAt = performance.now() - LONG_AGO_MS;
    expect(await worker.leases.confirm(held)).toBe(false);
    // Whoever wanted to start something on it hears of the loss first, and once.
    expect([lost, worker.leases.holds(held.id)]).toEqual([[held], false]);
    expect(await worker.leases.confirm(held)).toBe(false);
    expect(lost).toHaveLength(1);
  });

  it('says nothing where the book cannot be asked', async () => {
    const held = await lease();
    held.renewedAt = performance.now() - LONG_AGO_MS;
    questions(() => Promise.reject(new Error('Redis is away')));
    await expect(worker.leases.confirm(held)).rejects.toThrow('Redis is away');
  });
});

describe('wake-ups of one’s own releases', () => {
  it('are as many as the releases, however much each gives back: and the book sends as many', async () => {
    const heard: string[] = [];
    const subscriber = connectRedis(server.url, 'subscriber', () => undefined);
    await subscriber.subscribe(schedulerChannel);
    subscriber.on('message', (_channel: string, text: string) => heard.push(text));
    const held = [await lease('a', 4), await lease('b', 4), await lease('c', 4)];
    expect(worker.leases.isOwnRelease()).toBe(false);
    await worker.leases.release(held.slice(0, 2));
    await worker.leases.release(held.slice(2));
    await worker.leases.release(held);
    await redis.publish(schedulerChannel, 'end');
    await waitFor('all that was said', () => heard.includes('end'));
    expect(heard.slice(0, -1)).toEqual(Array.from({ length: 2 }, () => JSON.stringify({ kind: 'free', host: worker.host.id })));
    expect([worker.leases.isOwnRelease(), worker.leases.isOwnRelease(), worker.leases.isOwnRelease()]).toEqual([true, true, false]);
    subscriber.disconnect();
  });

  it('that never came are forgotten', async () => {
    await worker.leases.release([await lease()]);
    worker.leases.forgetOwnReleases();
    expect(worker.leases.isOwnRelease()).toBe(false);
  });
});
