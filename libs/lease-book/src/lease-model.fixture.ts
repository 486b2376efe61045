/**
 * What a book is to do, said as simply as possible: a map of leases, sums made anew each time, and time only where a test
 * says so. Specs hold the scripts against it.
 */
import type { Amounts } from './amounts.js';
import type { AcquireOutcome, Adoption } from './lease-book.js';
import type { Lease, LeaseRequest } from './lease.js';

interface ModelLease extends Omit<Lease, 'expiresAt' | 'expired'> {
  /** When it expired; undefined while it has not. */
  expiredAt?: number;
}

/** A book without its times. */
export interface ModelState {
  totals: Record<string, number>;
  leased: Record<string, number>;
  reserved: Record<string, string>;
  leases: Omit<Lease, 'expiresAt'>[];
}

export class LeaseModel {
  private totals: Amounts = {};
  private readonly leases = new Map<string, ModelLease>();
  private readonly reserved = new Map<string, string>();

  declare(totals: Amounts): void {
    this.totals = totals;
  }

  acquire(requests: readonly LeaseRequest[]): AcquireOutcome[] {
    return requests.map((request) => {
      const existing = this.leases.get(request.id);
      if (existing !== undefined && existing.holder !== request.holder) return { kind: 'taken', by: existing.holder };
      if (existing !== undefined) {
        delete existing.expiredAt;
        return { kind: 'granted' };
      }
      const amounts = Object.fromEntries(Object.entries(request.amounts).filter(([, amount]) => amount > 0).sort(([a], [b]) => (a < b ? -1 : 1)));
      for (const resource of Object.keys(amounts)) {
        const by = this.reserved.get(resource);
        if (by !== undefined && by !== request.taskId) return { kind: 'reserved', resource, by };
      }
      for (const [resource, amount] of Object.entries(amounts)) {
        const free = Math.max(0, (this.totals[resource] ?? 0) - this.sum(resource));
        if (amount > free) return { kind: 'short', resource, free };
      }
      this.leases.set(request.id, { ...request, amounts });
      this.unreserve(request.taskId);
      return { kind: 'granted' };
    });
  }

  renew(holder: string, ids: readonly string[]): string[] {
    return ids.filter((id) => {
      const lease = this.leases.get(id);
      if (lease?.holder !== holder) return true;
      delete lease.expiredAt;
      return false;
    });
  }

  release(holder: string, ids: readonly string[]): void {
    for (const id of ids) if (this.leases.get(id)?.holder === holder) this.leases.delete(id);
  }

  adopt(id: string, { from, to, purpose, taskId, attempt, facts }: Adoption): boolean {
    const lease = this.leases.get(id);
    if (lease?.holder !== from || (from !== to && lease.expiredAt === undefined)) return false;
    if (taskId !== undefined && taskId !== lease.taskId) {
      lease.taskId = taskId;
      delete lease.attempt;
    }
    if (attempt !== undefined && attempt < (lease.attempt ?? 0)) return false;
    Object.assign(lease, { holder: to, purpose }, attempt === undefined ? {} : { attempt }, facts === undefined ? {} : { facts });
    delete lease.expiredAt;
    if (purpose === 'task') this.unreserve(lease.taskId);
    return true;
  }

  reserve(taskId: string, resources: readonly string[]): boolean {
    if (resources.some((resource) => (this.reserved.get(resource) ?? taskId) !== taskId)) return false;
    this.unreserve(taskId);
    for (const resource of resources) this.reserved.set(resource, taskId);
    return true;
  }

  unreserve(taskId: string): void {
    for (const [resource, by] of [...this.reserved]) if (by === taskId) this.reserved.delete(resource);
  }

  releaseExpired(id: string, expiresAt: number): boolean {
    return this.leases.get(id)?.expiredAt === expiresAt && this.leases.delete(id);
  }

  /** Lets a lease expire, at a time that is not now. */
  lapse(id: string, at: number): void {
    const lease = this.leases.get(id);
    if (lease !== undefined) lease.expiredAt = at;
  }

  /** Lets a resource's reservation be over. */
  lapseReservation(resource: string): void {
    this.reserved.delete(resource);
  }

  state(): ModelState {
    const resources = [...this.leases.values()].flatMap(({ amounts }) => Object.keys(amounts));
    const leased = Object.fromEntries(resources.map((resource) => [resource, this.sum(resource)]));
    return {
      leased,
      totals: { ...Object.fromEntries(resources.map((resource) => [resource, 0])), ...this.totals },
      reserved: Object.fromEntries(this.reserved),
      leases: [...this.leases.values()].map(({ expiredAt, ...lease }) => ({ ...lease, expired: expiredAt !== undefined })).sort((a, b) => (a.id < b.id ? -1 : 1)),
    };
  }

  private sum(resource: string): number {
    return [...this.leases.values()].reduce((sum, { amounts }) => sum + (amounts[resource] ?? 0), 0);
  }
}
