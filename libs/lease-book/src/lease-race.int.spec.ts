import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture, waitFor } from '@function-runner/testing';
import type { Amounts } from './amounts.js';
import { LeaseBook } from './lease-book.js';
import type { LeaseRequest } from './lease.js';

/** Races that are tried, of up to {@link ROUNDS} rounds; what a round says to the book is said at once, over three connections. */
const RUNS = 120;
const ROUNDS = 12;
/** So short that leases expire now and then while their holders live. */
const TTL_MS = 15;
const DEVICES = ['gpu:a', 'gpu:b', 'gpu:c'] as const;
const SIZE = 10;
const SLOTS = 3;

type Deed =
  | { do: 'acquire'; slot: number; task: number; wants: number[][] }
  | { do: 'renew' | 'sweep'; slot: number }
  | { do: 'release' | 'warm' | 'adopt'; slot: number; pick: number }
  | { do: 'reserve'; slot: number; task: number; devices: string[]; ms: number }
  | { do: 'unreserve'; slot: number; task: number }
  | { do: 'declare'; slot: number; size: number };

interface Round {
  /** The worker that dies before the round; another takes its place. */
  dies: number | undefined;
  /** Whether the round waits until a lease has expired. */
  waits: boolean;
  deeds: Deed[];
}

const slot = fc.nat(SLOTS - 1);
const task = fc.nat(3);
const pick = fc.nat(5);
const is = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: is('acquire'), slot, task, wants: fc.array(fc.tuple(...DEVICES.map(() => fc.constantFrom(0, 0, 1, 3, 6))), { minLength: 1, maxLength: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ do: is('renew'), slot }) },
  { weight: 3, arbitrary: fc.record({ do: is('sweep'), slot }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('release' as const, 'warm' as const, 'adopt' as const, 'adopt' as const), slot, pick }) },
  { weight: 2, arbitrary: fc.record({ do: is('reserve'), slot, task, devices: fc.uniqueArray(fc.constantFrom<string>(...DEVICES)), ms: fc.integer({ min: 1, max: 30 }) }) },
  { weight: 1, arbitrary: fc.record({ do: is('unreserve'), slot, task }) },
  { weight: 1, arbitrary: fc.record({ do: is('declare'), slot, size: fc.constantFrom(4, SIZE) }) },
);
const round: fc.Arbitrary<Round> = fc.record({
  dies: fc.oneof({ weight: 2, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: slot }), waits: fc.boolean(), deeds: fc.array(deed, { minLength: 1, maxLength: 8, size: 'max' }),
});

let server: RedisFixture;
let connections: Redis[];
beforeAll(async () => {
  server = await RedisFixture.start();
  connections = Array.from({ length: SLOTS }, () => connectRedis(server.url, 'worker', () => undefined));
});
afterAll(async () => {
  for (const connection of connections) connection.disconnect();
  await server.stop();
});

test('whoever races and dies, what containers hold never exceeds a device, and in the end nothing is leased', async () => {
  const seen = new Map<string, number>();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(round, { minLength: 1, maxLength: ROUNDS, size: 'max' }), async (rounds) => {
      runs += 1;
      const site = new Site(`host-${runs}`, connections, seen);
      await site.start();
      for (const each of rounds) {
        await site.live(each);
        await site.expectSound();
      }
      await site.end();
    }),
    { numRuns: RUNS },
  );
  // The races were no idle ones.
  for (const name of ['granted', 'short', 'reserved', 'adopted', 'not adopted', 'swept', 'not swept', 'lost', 'reserve true', 'reserve false', 'expired alive']) {
    expect([name, (seen.get(name) ?? 0) > 0]).toEqual([name, true]);
  }
}, 120_000);

interface Worker {
  name: string;
  /** Leases that it believes to hold. */
  mine: Set<string>;
}

/**
 * A host with its workers and the containers that they run: what is really there, as the outside sees it. Workers keep
 * the rules of `lease-book.ts`: a container starts after its lease, and is gone before it is given back.
 */
class Site {
  private readonly redis: Redis;
  private readonly books: LeaseBook[];
  private readonly workers: Worker[] = [];
  /** What runs, by the lease that it runs under: also what the dead have left. */
  private readonly containers = new Map<string, Amounts>();
  /** Who took over a lease from another, by lease. */
  private readonly adopters = new Map<string, string[]>();
  /** What `renew` said of leases that its caller thought to have. */
  private readonly lost: { name: string; id: string }[] = [];
  private serial = 0;

  constructor(
    private readonly hostId: string,
    connections: readonly Redis[],
    private readonly seen: Map<string, number>,
  ) {
    this.books = connections.map((connection) => new LeaseBook(connection, hostId, { ttlMs: TTL_MS }));
    this.redis = connections[0] as Redis;
  }

  async start(): Promise<void> {
    for (let at = 0; at < SLOTS; at += 1) this.hire(at);
    await this.book(0).declare(sizes(SIZE));
  }

  /** All deeds of the round at once. */
  async live({ dies, waits, deeds }: Round): Promise<void> {
    if (dies !== undefined) this.hire(dies);
    if (waits && (await this.book(0).read()).leases.length > 0) {
      await waitFor('a lease to expire', async () => (await this.book(0).expired()).length > 0, 5000, 1);
    }
    await Promise.all(deeds.map((each) => this.carryOut(each, this.book(each.slot), this.worker(each.slot))));
  }

  /** What can be seen from outside between two rounds. */
  async expectSound(): Promise<void> {
    const [leased, records, expiry, totals] = await this.rawBook();
    const amounts = Object.values(records).map((text) => (JSON.parse(text) as { amounts: Record<string, string> }).amounts);
    // The book adds up, and both its lists are of the same leases.
    expect(leased).toEqual(sumUp(amounts));
    expect(expiry.sort()).toEqual(Object.keys(records).sort());
    // No device holds more than it has, neither by the book nor in truth.
    for (const device of DEVICES) {
      expect(leased[device] ?? 0).toBeLessThanOrEqual(SIZE);
      expect(sumUp([...this.containers.values()])[device] ?? 0).toBeLessThanOrEqual(SIZE);
    }
    expect(Object.keys(totals).sort()).toEqual([...DEVICES]);
    // Whatever runs is leased, whoever left it; and no living worker has lost what nobody adopted.
    expect(Object.keys(records)).toEqual(expect.arrayContaining([...this.containers.keys()]));
    for (const { name, mine } of this.workers) {
      for (const id of mine) expect({ id, there: id in records || this.passedOn(id, name) }).toEqual({ id, there: true });
    }
    for (const { name, id } of this.lost.splice(0)) expect({ name, id, passedOn: this.passedOn(id, name) }).toEqual({ name, id, passedOn: true });
  }

  /** All die; a janitor ends their containers. */
  async end(): Promise<void> {
    for (let at = 0; at < SLOTS; at += 1) this.hire(at);
    const book = this.book(0);
    await waitFor('every lease to expire', async () => (await book.expired()).length === (await book.read()).leases.length, 5000, 1);
    await this.sweep(book);
    await waitFor('every reservation to be over', async () => Object.keys((await book.read()).reserved).length === 0, 5000, 1);
    expect(await book.read()).toMatchObject({ leased: {}, leases: [], reserved: {} });
    expect(this.containers.size).toBe(0);
    await book.declare(sizes(SIZE));
    // A whole device can be had again, and what is over is swept by it.
    expect(await book.acquire([{ id: 'last', holder: 'w', purpose: 'task', taskId: 't', pipelineId: 'p:1', amounts: sizes(SIZE) }])).toEqual([{ kind: 'granted' }]);
    await book.release('w', ['last']);
    expect(await this.redis.keys(`lease:{${this.hostId}}:*`)).toEqual([keys.leaseTotals(this.hostId)]);
  }

  private async carryOut(deed: Deed, book: LeaseBook, worker: Worker): Promise<void> {
    switch (deed.do) {
      case 'acquire': return this.acquire(book, worker, deed.task, deed.wants);
      case 'renew': return this.renew(book, worker);
      case 'sweep': return this.sweep(book);
      case 'release': {
        const id = [...worker.mine][deed.pick];
        if (id === undefined) return;
        worker.mine.delete(id);
        this.containers.delete(id);
        return book.release(worker.name, [id]);
      }
      case 'warm': {
        const id = [...worker.mine][deed.pick];
        if (id !== undefined) await book.adopt(id, { from: worker.name, to: worker.name, purpose: 'warm', facts: { port: 80 } });
        return;
      }
      case 'adopt': return this.adopt(book, worker, deed.pick);
      case 'reserve': return this.note(`reserve ${await book.reserve(`task-${deed.task}`, deed.devices, deed.ms)}`);
      case 'unreserve': return book.unreserve(`task-${deed.task}`);
      case 'declare': return book.declare(sizes(deed.size));
    }
  }

  private async acquire(book: LeaseBook, worker: Worker, taskNumber: number, wants: number[][]): Promise<void> {
    const requests = wants.map((amounts): LeaseRequest => ({
      id: this.name('lease'), holder: worker.name, purpose: 'task', taskId: `task-${taskNumber}`, pipelineId: 'p:1', amounts: Object.fromEntries(DEVICES.map((device, at) => [device, amounts[at] ?? 0])),
    }));
    const outcomes = await book.acquire(requests);
    outcomes.forEach(({ kind }, at) => {
      this.note(kind);
      const request = requests[at];
      if (kind !== 'granted' || request === undefined) return;
      worker.mine.add(request.id);
      this.containers.set(request.id, request.amounts);
    });
  }

  private async renew(book: LeaseBook, worker: Worker): Promise<void> {
    const asked = [...worker.mine];
    for (const { holder } of await book.expired()) if (holder === worker.name) this.note('expired alive');
    for (const id of await book.renew(worker.name, asked)) {
      // Its own release may have come between; otherwise a successor must have it, who perhaps does not know yet.
      if (!worker.mine.delete(id)) continue;
      this.lost.push({ name: worker.name, id });
      this.note('lost');
    }
  }

  /** Takes over somebody's expired lease and container, be its holder dead or merely slow. */
  private async adopt(book: LeaseBook, worker: Worker, at: number): Promise<void> {
    const expired = (await book.expired()).filter(({ holder }) => holder !== worker.name);
    const lease = expired[at % Math.max(expired.length, 1)];
    if (lease === undefined) return;
    const done = await book.adopt(lease.id, { from: lease.holder, to: worker.name, purpose: 'warm' });
    this.note(done ? 'adopted' : 'not adopted');
    if (!done) return;
    this.adopters.set(lease.id, [...(this.adopters.get(lease.id) ?? []), worker.name]);
    worker.mine.add(lease.id);
    this.containers.set(lease.id, lease.amounts);
  }

  /** Ends the containers of dead workers, and gives back what they held. */
  private async sweep(book: LeaseBook): Promise<void> {
    const alive = this.workers.map(({ name }) => name);
    for (const lease of (await book.expired()).filter(({ holder }) => !alive.includes(holder))) {
      this.containers.delete(lease.id);
      this.note(await book.releaseExpired(lease) ? 'swept' : 'not swept');
    }
  }

  private rawBook(): Promise<[Record<string, number>, Record<string, string>, string[], Record<string, string>]> {
    return this.redis.multi().hgetall(keys.leased(this.hostId)).hgetall(keys.leases(this.hostId)).zrange(keys.leaseExpiry(this.hostId), 0, '-1').hgetall(keys.leaseTotals(this.hostId)).exec().then((replies) => {
      const [leased, records, expiry, totals] = (replies ?? []).map(([, reply]) => reply) as [Record<string, string>, Record<string, string>, string[], Record<string, string>];
      return [Object.fromEntries(Object.entries(leased).map(([device, amount]) => [device, Number(amount)])), { ...records }, expiry, totals];
    });
  }

  /** Whether somebody else took the lease over from the worker. */
  private passedOn(id: string, name: string): boolean {
    return this.adopters.get(id)?.some((adopter) => adopter !== name) === true;
  }

  private hire(at: number): void {
    this.workers[at] = { name: this.name('worker'), mine: new Set() };
  }

  private book(at: number): LeaseBook {
    return this.books[at] as LeaseBook;
  }

  private worker(at: number): Worker {
    return this.workers[at] as Worker;
  }

  private name(what: string): string {
    this.serial += 1;
    return `${what}-${this.serial}`;
  }

  private note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }
}

function sizes(size: number): Record<string, number> {
  return Object.fromEntries(DEVICES.map((device) => [device, size]));
}

/** By resource, without those of which there is nothing. */
function sumUp(amounts: readonly Readonly<Record<string, number | string>>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const [resource, amount] of amounts.flatMap((each) => Object.entries(each))) sums.set(resource, (sums.get(resource) ?? 0) + Number(amount));
  return Object.fromEntries([...sums].filter(([, sum]) => sum > 0));
}
