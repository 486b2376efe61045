import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { keys } from '@function-runner/progress-protocol';
import { connectRedis } from '@function-runner/task-store';
import { RedisFixture } from '@function-runner/testing';
import { LeaseBook, type Adoption } from './lease-book.js';
import { LeaseModel, type ModelState } from './lease-model.fixture.js';
import type { Lease, LeaseRequest } from './lease.js';

/** Histories that are tried; each has up to {@link STEPS} steps, and all of the book is compared after each of them. */
const RUNS = 200;
const STEPS = 50;

type Step =
  | { do: 'declare'; totals: Record<string, number> }
  | { do: 'acquire'; requests: LeaseRequest[] }
  | { do: 'renew' | 'release'; holder: string; ids: string[] }
  | { do: 'adopt'; id: string; adoption: Adoption }
  | { do: 'reserve'; taskId: string; resources: string[] }
  | { do: 'unreserve'; taskId: string }
  /** Time passes for a lease, or for a reservation. */
  | { do: 'lapse'; id: string }
  | { do: 'lapseReservation'; resource: string }
  /** Somebody looks at what has expired, and somewhat later gives it back. */
  | { do: 'look' | 'giveBack' };

// Few of each, so that they meet.
const id = fc.constantFrom('l1', 'l2', 'l3');
const holder = fc.constantFrom('w1', 'w2');
const taskId = fc.constantFrom('t1', 't2', 't3');
const resource = fc.constantFrom('gpu:a', 'gpu:b', 'cpu');
const purpose = fc.constantFrom('task' as const, 'warm' as const);
const amounts = fc.dictionary(resource, fc.integer({ min: 0, max: 5 }), { noNullPrototype: true });
const facts = fc.constantFrom({}, { port: 80, list: [] });
const request: fc.Arbitrary<LeaseRequest> = fc.record({ id, holder, purpose, taskId, pipelineId: fc.constant('p:1'), amounts, projectId: fc.constant('x'), facts }, { requiredKeys: ['id', 'holder', 'purpose', 'taskId', 'pipelineId', 'amounts'] });
const adoption: fc.Arbitrary<Adoption> = fc.record({ from: holder, to: holder, purpose, taskId, attempt: fc.integer({ min: 1, max: 3 }), facts }, { requiredKeys: ['from', 'to', 'purpose'] });
const is = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: is('declare'), totals: fc.dictionary(resource, fc.integer({ min: 0, max: 9 }), { noNullPrototype: true }) }) },
  { weight: 6, arbitrary: fc.record({ do: is('acquire'), requests: fc.array(request, { maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ do: is('renew'), holder, ids: fc.array(id, { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ do: is('release'), holder, ids: fc.array(id, { maxLength: 3 }) }) },
  { weight: 7, arbitrary: fc.record({ do: is('adopt'), id, adoption }) },
  { weight: 2, arbitrary: fc.record({ do: is('reserve'), taskId, resources: fc.uniqueArray(resource) }) },
  { weight: 1, arbitrary: fc.record({ do: is('unreserve'), taskId }) },
  { weight: 6, arbitrary: fc.record({ do: is('lapse'), id }) },
  { weight: 1, arbitrary: fc.record({ do: is('lapseReservation'), resource }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constantFrom('look' as const, 'giveBack' as const) }) },
);

let server: RedisFixture;
let redis: Redis;
beforeAll(async () => {
  server = await RedisFixture.start();
  redis = connectRedis(server.url, 'request', () => undefined);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

test('one step after the other, the book does what the model does', async () => {
  const seen = new Map<string, number>();
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: STEPS, size: 'max' }), async (steps) => {
      runs += 1;
      const history = new History(`host-${runs}`);
      const full: Step = { do: 'declare', totals: { 'gpu:a': 9, 'gpu:b': 6, cpu: 4 } };
      for (const each of [full, ...steps]) {
        const [said, expected] = await history.take(each);
        expect({ each, said }).toEqual({ each, said: expected });
        expect({ each, ...(await history.state()) }).toEqual({ each, ...history.model.state() });
        for (const answer of Array.isArray(said) ? said : [said]) {
          const name = `${each.do} ${typeof answer === 'object' && answer !== null && 'kind' in answer ? String(answer.kind) : typeof answer === 'string' ? 'lost' : String(answer)}`;
          seen.set(name, (seen.get(name) ?? 0) + 1);
        }
      }
    }),
    { numRuns: RUNS },
  );
  // The runs were no idle ones.
  for (const name of ['acquire granted', 'acquire short', 'acquire reserved', 'acquire taken', 'renew lost', 'adopt true', 'adopt false', 'reserve true', 'reserve false', 'giveBack true', 'giveBack false']) {
    expect([name, (seen.get(name) ?? 0) > 10]).toEqual([name, true]);
  }
}, 60_000);

/** A book and its model, which are told the same. */
class History {
  readonly model = new LeaseModel();
  private readonly book: LeaseBook;
  private looked: Lease[] = [];
  private lapses = 0;

  constructor(private readonly hostId: string) {
    // Longer than any test: what is to expire is made to.
    this.book = new LeaseBook(redis, hostId, { ttlMs: 600_000 });
  }

  /** What the book answers, and what the model does. */
  async take(step: Step): Promise<[unknown, unknown]> {
    const { book, model } = this;
    switch (step.do) {
      case 'declare': return [await book.declare(step.totals), model.declare(step.totals)];
      case 'acquire': return [await book.acquire(step.requests), model.acquire(step.requests)];
      case 'renew': return [await book.renew(step.holder, step.ids), model.renew(step.holder, step.ids)];
      case 'release': return [await book.release(step.holder, step.ids), model.release(step.holder, step.ids)];
      case 'adopt': return [await book.adopt(step.id, step.adoption), model.adopt(step.id, step.adoption)];
      case 'reserve': return [await book.reserve(step.taskId, step.resources, 600_000), model.reserve(step.taskId, step.resources)];
      case 'unreserve': return [await book.unreserve(step.taskId), model.unreserve(step.taskId)];
      case 'lapse': {
        this.lapses += 1;
        model.lapse(step.id, this.lapses);
        await redis.zadd(keys.leaseExpiry(this.hostId), 'XX', this.lapses, step.id);
        return [undefined, undefined];
      }
      case 'lapseReservation': {
        model.lapseReservation(step.resource);
        const key = keys.leaseReserved(this.hostId);
        const text = await redis.hget(key, step.resource);
        if (text !== null) await redis.hset(key, step.resource, JSON.stringify({ ...JSON.parse(text) as object, until: 1 }));
        return [undefined, undefined];
      }
      case 'look':
        this.looked = await book.expired();
        return [this.looked.map((lease) => lease.id).sort(), model.state().leases.flatMap((lease) => (lease.expired ? [lease.id] : []))];
      case 'giveBack': {
        const said: boolean[] = [];
        const expected: boolean[] = [];
        for (const lease of this.looked) {
          said.push(await book.releaseExpired(lease));
          expected.push(model.releaseExpired(lease.id, lease.expiresAt));
        }
        return [said, expected];
      }
    }
  }

  /** The book as it is, without its times. */
  async state(): Promise<ModelState> {
    const { totals, leased, reserved, leases } = await this.book.read();
    return {
      totals, leased,
      reserved: Object.fromEntries(Object.entries(reserved).map(([name, reservation]) => [name, reservation.taskId])),
      leases: leases.map(({ expiresAt: _, ...lease }) => lease),
    };
  }
}
