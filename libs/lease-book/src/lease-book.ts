/**
 * The book of what is leased on one host, shared by all worker processes of the host (and read by whoever plans).
 *
 * Owns the keys below `lease:{host}:`: `total`, `leased`, `leases`, `expiry`, `reserved`; nothing else touches them. Every
 * operation is one script, so one step. They share a hash tag, as a Redis cluster wants, and end `KEY_LIFE_MS` after the
 * book was last declared, or a lease of it renewed: whoever declares does so again every now and then.
 *
 * What must stay true:
 * - What is leased of a resource is the sum over the leases, and no grant makes it exceed the total. (A total that is
 *   lowered afterwards takes nothing away: it is waited for.)
 * - An expired lease counts like any other. It ends when its holder gives it back, or when somebody who has seen since it
 *   expired that its container is gone does: so what a dead worker's container holds is not granted again.
 * - Only the holder extends a lease or gives it back; from one holder to another it passes only when expired (fencing).
 * - What is reserved for a task is granted to no other.
 *
 * How it is used. A worker declares what its host has, acquires before it takes a task, and renews all that it holds well
 * within `ttlMs`; what `renew` answers is no longer its own, and what runs on it must be stopped. It releases only when
 * the container is gone. What has expired is looked after by any worker of the host, since only there can be seen what
 * runs: it ends the container and calls `releaseExpired`, or takes over lease and container with `adopt`.
 *
 * What it does not do. It cannot see a container: a holder that was away for longer than `ttlMs` (or whose answer to
 * `acquire` came that late) renews before it starts one. It is as durable as Redis: after a crash of Redis without
 * `appendfsync always` the last second's leases may be gone, which their holders learn from `renew`. Time is Redis's
 * alone; when its clock jumps, leases expire early or late, which by the above gives nothing away.
 *
 * What comes free is told on the channel `scheduler` by the step that frees it; a reservation that merely runs out is not.
 */
import type { Redis } from 'ioredis';
import { keys, schedulerChannel } from '@function-runner/progress-protocol';
import type { SchedulerMessage } from '@function-runner/scheduling';
import { Script, type Reply } from '@function-runner/task-store';
import { amountTexts, type Amounts } from './amounts.js';
import { parseBook, type BookState } from './book-state.js';
import type { Lease, LeasePurpose, LeaseRequest } from './lease.js';
import { parseLease, recordText } from './lease-record.js';
import { ACQUIRE_LEASES_LUA } from './lua/acquire-leases.lua.js';
import { ADOPT_LEASE_LUA } from './lua/adopt-lease.lua.js';
import { DECLARE_RESOURCES_LUA } from './lua/declare-resources.lua.js';
import { LIST_EXPIRED_LUA } from './lua/list-expired.lua.js';
import { READ_BOOK_LUA } from './lua/read-book.lua.js';
import { RELEASE_EXPIRED_LUA } from './lua/release-expired.lua.js';
import { RELEASE_LEASES_LUA } from './lua/release-leases.lua.js';
import { RENEW_LEASES_LUA } from './lua/renew-leases.lua.js';
import { RESERVE_RESOURCES_LUA } from './lua/reserve-resources.lua.js';
import { UNRESERVE_TASK_LUA } from './lua/unreserve-task.lua.js';

/** `total`, `leased`, `leases`, `expiry`, `reserved`: every script is given all of them, in this order. */
const BOOK_KEYS = 5;

const DECLARE = new Script('functionRunnerDeclareResources', DECLARE_RESOURCES_LUA, BOOK_KEYS);
const ACQUIRE = new Script('functionRunnerAcquireLeases', ACQUIRE_LEASES_LUA, BOOK_KEYS);
const RENEW = new Script('functionRunnerRenewLeases', RENEW_LEASES_LUA, BOOK_KEYS);
const RELEASE = new Script('functionRunnerReleaseLeases', RELEASE_LEASES_LUA, BOOK_KEYS);
const ADOPT = new Script('functionRunnerAdoptLease', ADOPT_LEASE_LUA, BOOK_KEYS);
const RESERVE = new Script('functionRunnerReserveResources', RESERVE_RESOURCES_LUA, BOOK_KEYS);
const UNRESERVE = new Script('functionRunnerUnreserveTask', UNRESERVE_TASK_LUA, BOOK_KEYS);
const LIST_EXPIRED = new Script('functionRunnerListExpiredLeases', LIST_EXPIRED_LUA, BOOK_KEYS);
const RELEASE_EXPIRED = new Script('functionRunnerReleaseExpiredLease', RELEASE_EXPIRED_LUA, BOOK_KEYS);
const READ = new Script('functionRunnerReadLeaseBook', READ_BOOK_LUA, BOOK_KEYS);

const SCRIPTS = [DECLARE, ACQUIRE, RENEW, RELEASE, ADOPT, RESERVE, UNRESERVE, LIST_EXPIRED, RELEASE_EXPIRED, READ];

/** A host of which nobody has said anything for a week is gone for good, and its containers with it. */
const KEY_LIFE_MS = 7 * 86_400_000;

/** What became of a request. A reservation is named before a shortage, and of several resources the first by name. */
export type AcquireOutcome =
  | { kind: 'granted' }
  /** `free` is what may be leased of the resource now. */
  | { kind: 'short'; resource: string; free: number }
  /** The resource is kept for the task `by`. */
  | { kind: 'reserved'; resource: string; by: string }
  /** A lease of this id is another's: it was granted once, expired, and was adopted. */
  | { kind: 'taken'; by: string };

/** How a lease changes. What is not given stays. */
export interface Adoption {
  /** Who holds it now; the caller, or one whose lease has expired. */
  from: string;
  to: string;
  purpose: LeasePurpose;
  /** Another task than before begins without an attempt. */
  taskId?: string;
  /** Binds the lease to an attempt of its task: it can be bound to no earlier one any more. */
  attempt?: number;
  facts?: Readonly<Record<string, unknown>>;
}

export class LeaseBook {
  private readonly keys: readonly string[];
  private readonly wakeUp: string;

  constructor(
    private readonly redis: Redis,
    readonly hostId: string,
    private readonly options: { /** Milliseconds that a lease lasts unless it is renewed. */ ttlMs: number },
  ) {
    LeaseBook.teach(redis);
    this.keys = [keys.leaseTotals(hostId), keys.leased(hostId), keys.leases(hostId), keys.leaseExpiry(hostId), keys.leaseReserved(hostId)];
    this.wakeUp = JSON.stringify({ kind: 'free', host: hostId } satisfies SchedulerMessage);
  }

  /** Teaches a connection the scripts of all books, for whoever meets its first book later: see {@link Script.teach}. */
  static teach(redis: Redis): void {
    for (const script of SCRIPTS) script.teach(redis);
  }

  /**
   * Sets the totals to exactly these. Of a resource that is no longer named nothing is leased any more; it is gone once
   * nothing of it is. @throws RangeError for a total that is no amount.
   */
  async declare(resources: Amounts): Promise<void> {
    await this.run(DECLARE, amountTexts(resources).flat());
  }

  /**
   * Grants each request wholly or not at all, in order and in one step; answers in the same order. Asking again for a lease
   * that one holds already renews it, so that a lost answer can be asked for again. A grant ends its task's reservations.
   * @throws RangeError where an amount is none; nothing is granted then.
   */
  async acquire(requests: readonly LeaseRequest[]): Promise<AcquireOutcome[]> {
    if (requests.length === 0) return [];
    const replies = await this.run(ACQUIRE, [this.options.ttlMs, ...requests.flatMap((request) => [request.id, recordText(request)])]);
    return asList(replies).map(asOutcome);
  }

  /** Extends leases of a holder to now + ttl; answers those that are not its own any more, whose runs must be stopped. */
  async renew(holder: string, ids: readonly string[]): Promise<string[]> {
    if (ids.length === 0) return [];
    return asList(await this.run(RENEW, [this.options.ttlMs, holder, ...ids])).map(String);
  }

  /** Gives leases back whose containers are gone; those that are not the holder's any more are passed over. */
  async release(holder: string, ids: readonly string[]): Promise<void> {
    if (ids.length > 0) await this.run(RELEASE, [holder, ...ids]);
  }

  /**
   * Changes what a lease of one's own is for, or takes over an expired one with its container, and renews it.
   * `false` where it is not `from`'s, has not expired (unless it stays `from`'s), or is bound to a later attempt.
   * One that passes on does so once: who has lost the answer, and asks again, hears `false` and finds itself in the book.
   */
  async adopt(id: string, { from, to, purpose, taskId, attempt, facts }: Adoption): Promise<boolean> {
    const change = { purpose, taskId, attempt, facts: facts === undefined ? undefined : JSON.stringify(facts) };
    return (await this.run(ADOPT, [this.options.ttlMs, id, from, to, JSON.stringify(change)])) === 1;
  }

  /**
   * Keeps all these resources for the task until now + `ms`, in place of what was kept for it before; `false`, and nothing
   * is changed, where one is kept for another. What is leased of them stays so. @throws RangeError where `ms` is no whole number.
   */
  async reserve(taskId: string, resources: readonly string[], ms: number): Promise<boolean> {
    if (!Number.isSafeInteger(ms)) throw new RangeError(`a resource cannot be reserved for ${ms} ms: it must be a whole number`);
    return (await this.run(RESERVE, [taskId, ms, ...resources])) === 1;
  }

  async unreserve(taskId: string): Promise<void> {
    await this.run(UNRESERVE, [taskId]);
  }

  /** The leases that have expired. Each still counts, and may be renewed by its holder at any moment. */
  async expired(): Promise<Lease[]> {
    const [now, found] = asList(await this.run(LIST_EXPIRED, []));
    return asList(found).map((entry) => {
      const [id, record, expiresAt] = asList(entry);
      return parseLease(String(id), String(record), Number(expiresAt), Number(now));
    });
  }

  /**
   * Gives back an expired lease whose container is gone. `lease` is what `expired` answered before that was looked at;
   * `false` where it has been renewed, adopted or given back since, even where it has expired once more.
   */
  async releaseExpired({ id, expiresAt }: Pick<Lease, 'id' | 'expiresAt'>): Promise<boolean> {
    return (await this.run(RELEASE_EXPIRED, [id, expiresAt])) === 1;
  }

  async read(): Promise<BookState> {
    return parseBook(await this.run(READ, []));
  }

  private run(script: Script, args: readonly (string | number)[]): Promise<Reply> {
    return script.run(this.redis, this.keys, [KEY_LIFE_MS, schedulerChannel, this.wakeUp, ...args]);
  }
}

function asOutcome(reply: Reply): AcquireOutcome {
  const [kind, what, more] = asList(reply);
  switch (kind) {
    case 'granted': return { kind };
    case 'short': return { kind, resource: String(what), free: Number(more) };
    case 'reserved': return { kind, resource: String(what), by: String(more) };
    case 'taken': return { kind, by: String(what) };
    default: throw new Error(`a script of the lease book answered with the outcome ${String(kind)}`);
  }
}

function asList(reply: Reply | undefined): Reply[] {
  return Array.isArray(reply) ? reply : [];
}
