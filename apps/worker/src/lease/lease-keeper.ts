/**
 * The leases of this worker: taken, renewed, given back.
 *
 * Owns every lease that this process holds and the timer that renews them. Must stay true: a lease is renewed for as long
 * as something of it may run, and given back only when nothing does; when the book says that a lease is not ours any more,
 * `onLost` hears of it, and whatever runs on it must stop.
 */
import { Inject, Injectable } from '@nestjs/common';
import { v4 as uuid } from 'uuid';
import { CPU, deviceOf, type WaitingTask } from '@function-runner/scheduling';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics, type LeasedResource } from '../metrics/worker-metrics.js';
import { BookMirror } from './book-mirror.js';
import type { HeldLease } from './held-lease.js';
import { Host, LEASE_TTL_MS } from './host.js';

/** Three renewals may fail. */
const RENEWAL_MS = LEASE_TTL_MS / 4;

/** A lease renewed as recently as this has not run out, whatever the network did; half a life is more than clocks differ. */
const SURE_MS = LEASE_TTL_MS / 2;

/** What a lease is for: a task, or a container of a pipeline that is started before one comes. */
export type LeaseSubject = Pick<WaitingTask, 'taskId' | 'pipelineId' | 'projectId'> | { taskId: undefined; pipelineId: string; projectId: string | undefined };

/** In the book, the task of a container that has had none yet: nothing is kept for it. */
const NO_TASK = '';

/** What is to be leased. */
export interface WantedLease {
  task: LeaseSubject;
  amounts: Readonly<Record<string, number>>;
}

/** What a warm container says of itself in the book, for the placement of others. */
export interface WarmFacts {
  /** Milliseconds since the epoch. */
  idleSince: number;
  /** Whether any project may use it. */
  shareable: boolean;
  /** Whether it is one of those that are always kept. */
  pinned: boolean;
}

@Injectable()
export class LeaseKeeper {
  private readonly held = new Map<string, HeldLease>();
  /** Those that went to others; one that was given back did not. */
  private readonly lost = new WeakSet<HeldLease>();
  private readonly lostListeners = new Set<(lease: HeldLease) => void>();
  private timer: NodeJS.Timeout | undefined;
  private opened: BookMirror | undefined;
  /** Releases of ours whose wake-ups have not been heard yet. */
  private unheard = 0;

  constructor(
    private readonly host: Host,
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId'>,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Begins to renew. The host must be open. */
  async open(): Promise<void> {
    if (this.opened === undefined) this.metrics.observeLeases(() => this.resources());
    this.opened = new BookMirror(this.host.book);
    await this.opened.refresh();
    clearInterval(this.timer);
    this.timer = setInterval(() => void this.renew(), RENEWAL_MS);
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** The book as this worker knows it. */
  get mirror(): BookMirror {
    if (this.opened === undefined) throw new Error('the leases are not open yet');
    return this.opened;
  }

  get count(): number {
    return this.held.size;
  }

  /** What is leased of a resource of the host, by all its workers, as far as known. */
  leasedOf(resource: string): number {
    return this.mirror.current.leased[resource] ?? 0;
  }

  holds(leaseId: string): boolean {
    return this.held.has(leaseId);
  }

  /** Whether a lease of ours is a container's that waits for a task, or ends. */
  isIdle(leaseId: string): boolean {
    const lease = this.held.get(leaseId);
    return lease !== undefined && lease.taskId === undefined;
  }

  /** Calls `listener` with each lease that turns out to be no longer ours. */
  onLost(listener: (lease: HeldLease) => void): void {
    this.lostListeners.add(listener);
  }

  /** Leases what the starts need, each wholly or not at all; undefined where the book refuses. One round trip. */
  async acquire(wanted: readonly WantedLease[]): Promise<(HeldLease | undefined)[]> {
    if (wanted.length === 0) return [];
    const leases = wanted.map(({ task, amounts }): HeldLease => ({ id: uuid(), amounts, devices: devicesOf(amounts), taskId: task.taskId, warm: false, renewedAt: performance.now() }));
    for (const { amounts } of leases) this.mirror.enter(amounts);
    const outcomes = await this.host.book.acquire(
      wanted.map(({ task: { taskId, pipelineId, projectId }, amounts }, index) => ({
        id: leases[index]?.id ?? '', holder: this.config.workerId, purpose: 'task', taskId: taskId ?? NO_TASK, pipelineId, amounts, ...(projectId === undefined ? {} : { projectId }),
      })),
    );
    return leases.map((lease, index) => {
      if (outcomes[index]?.kind === 'granted') {
        this.held.set(lease.id, lease);
        return lease;
      }
      this.mirror.enter(negative(lease.amounts));
      // The copy was wrong, or others were quicker.
      this.mirror.expire();
      return undefined;
    });
  }

  /** Gives back. What cannot be told to the book runs out there, and is put away by whoever looks after dead leases. */
  async release(leases: readonly HeldLease[]): Promise<void> {
    const ours = leases.filter(({ id }) => this.held.delete(id));
    if (ours.length === 0) return;
    for (const { amounts } of ours) this.mirror.enter(negative(amounts));
    this.unheard += 1;
    try {
      await this.host.book.release(this.config.workerId, ours.map(({ id }) => id));
    } catch (error) {
      this.mirror.expire();
      this.logger.warn({ err: error, leases: ours.length }, 'leases could not be given back; they run out by themselves');
    }
  }

  /**
   * Gives up a lease of which something may still run, since its end could not be made sure of. It counts until it has run
   * out, and whoever looks after dead leases has ended what runs on it.
   */
  abandon(lease: HeldLease): void {
    if (!this.held.delete(lease.id)) return;
    this.logger.error({ lease: lease.id, task: lease.taskId }, 'what runs on a lease could not be ended for sure; the lease runs out, and is looked after then');
  }

  /** Whether a wake-up of this host may be of a release of ours, which the mirror knows already. Each release has one. */
  isOwnRelease(): boolean {
    if (this.unheard === 0) return false;
    this.unheard -= 1;
    return true;
  }

  /** Wake-ups that have not come by now were lost. */
  forgetOwnReleases(): void {
    this.unheard = 0;
  }

  /** The lease's container waits for its next task: the book shows it as warm. */
  async keepWarm(lease: HeldLease, facts: WarmFacts): Promise<void> {
    lease.taskId = undefined;
    await this.host.book.adopt(lease.id, { ...this.own, purpose: 'warm', facts: { ...facts } });
  }

  /** The lease of a warm container is its next task's. */
  async useFor(lease: HeldLease, task: Pick<WaitingTask, 'taskId'>): Promise<void> {
    lease.taskId = task.taskId;
    lease.warm = true;
    await this.host.book.adopt(lease.id, { ...this.own, purpose: 'task', taskId: task.taskId });
  }

  /**
   * Whether the lease is still ours: to be asked before something is started on it. The book is asked only where the
   * lease may have run out meanwhile. One that is not is lost, as with a renewal.
   */
  async confirm(lease: HeldLease): Promise<boolean> {
    const now = performance.now();
    if (now - lease.renewedAt < SURE_MS) return this.held.has(lease.id);
    if ((await this.host.book.renew(this.config.workerId, [lease.id])).length > 0) {
      this.lose(lease);
      return false;
    }
    lease.renewedAt = now;
    return true;
  }

  /**
   * Whether the lease went to others, as while this process was frozen. One that was given back or given up since did not.
   * The book is asked only where the lease may have run out meanwhile.
   */
  async isLost(lease: HeldLease): Promise<boolean> {
    return this.held.has(lease.id) ? !(await this.confirm(lease)) : this.lost.has(lease);
  }

  private resources(): LeasedResource[] {
    const { totals, leased } = this.mirror.current;
    return Object.entries(totals).map(([resource, total]) => {
      const device = deviceOf(resource);
      return { kind: device === undefined ? (resource === CPU ? 'cpu' : 'memory') : 'gpu', device: device ?? '', total, leased: leased[resource] ?? 0 };
    });
  }

  private get own(): { from: string; to: string } {
    return { from: this.config.workerId, to: this.config.workerId };
  }

  private async renew(): Promise<void> {
    if (this.held.size === 0) return;
    const asked = [...this.held.values()];
    const sentAt = performance.now();
    try {
      const lost = new Set(await this.host.book.renew(this.config.workerId, asked.map(({ id }) => id)));
      for (const lease of asked) {
        const { id } = lease;
        if (!lost.has(id)) lease.renewedAt = sentAt;
        else this.lose(lease);
      }
    } catch (error) {
      this.logger.debug({ err: error }, 'leases could not be renewed; trying again');
    }
  }

  private lose(lease: HeldLease): void {
    // Not where it was given back while the question was under way.
    if (!this.held.delete(lease.id)) return;
    this.lost.add(lease);
    this.mirror.expire();
    this.logger.error({ lease: lease.id, task: lease.taskId }, 'a lease is not ours any more; what runs on it is stopped');
    for (const listener of this.lostListeners) listener(lease);
  }
}

function devicesOf(amounts: Readonly<Record<string, number>>): string[] {
  return Object.keys(amounts).flatMap((resource) => deviceOf(resource) ?? []);
}

function negative(amounts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(amounts).map(([resource, amount]) => [resource, -amount]));
}
