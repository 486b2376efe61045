import type { Lease } from './lease.js';
import { parseLease } from './lease-record.js';

/** A resource that is kept for a task. */
export interface Reservation {
  taskId: string;
  /** Milliseconds since the epoch, Redis's clock. */
  until: number;
}

/** All that stands in a host's book at one moment. */
export interface BookState {
  /** That moment: milliseconds since the epoch, Redis's clock. */
  now: number;
  /** What may be leased, by resource; 0 for one that is no longer declared while something of it is leased. */
  totals: Readonly<Record<string, number>>;
  /** What is leased, by resource; one of which nothing is leased is left out. */
  leased: Readonly<Record<string, number>>;
  /** What is kept for a task, by resource; without what is over. */
  reserved: Readonly<Record<string, Reservation>>;
  /** By id. */
  leases: readonly Lease[];
}

/** Reads the answer of `read-book.lua.ts`. */
export function parseBook(reply: unknown): BookState {
  const [time, totals, leased, reserved, leases, expiry] = reply as [string, string[], string[], string[], string[], string[]];
  const now = Number(time);
  const amounts = pairs(leased).map(([resource, amount]): [string, number] => [resource, Number(amount)]);
  const expiresAt = new Map(pairs(expiry).map(([id, score]) => [id, Number(score)]));
  return {
    now,
    totals: Object.fromEntries([...amounts.map(([resource]): [string, number] => [resource, 0]), ...pairs(totals).map(([resource, total]): [string, number] => [resource, Number(total)])]),
    leased: Object.fromEntries(amounts),
    reserved: Object.fromEntries(pairs(reserved).map(([resource, text]): [string, Reservation] => [resource, JSON.parse(text) as Reservation]).filter(([, { until }]) => until > now)),
    // A lease without an expiry would be a fault of the scripts; as an expired one it is found and looked after.
    leases: pairs(leases).map(([id, text]) => parseLease(id, text, expiresAt.get(id) ?? 0, now)).sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

/** Name and value in turn, as scripts answer with a hash. */
function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1] ?? '']] : []));
}
