/**
 * The serving containers of this worker: those at work, and those kept warm for the next task of their kind.
 *
 * Owns every {@link ServingSession} from its start to its end, and with it the lease that it runs on. Must stay true: a
 * container is used by one task at a time and, unless its pipeline is shareable, only within its project; at most
 * `most` are kept; one that is idle too long, unfit or in the way of another is ended and its folder removed; a lease
 * is given back when its container is gone and no sooner; when {@link close} settles none is left.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { WarmContainer } from '@function-runner/scheduling';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import type { HeldLease } from '../lease/held-lease.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { Workspace } from '../workspace/workspace.js';
import { decideKeep } from './keep-decision.js';
import type { ServingSession } from './serving-session.js';

@Injectable()
export class WarmPool {
  private readonly sessions = new Set<ServingSession>();
  private readonly idleTimers = new Map<ServingSession, NodeJS.Timeout>();
  /** Chosen for a task that is just being taken, by their leases. */
  private readonly chosen = new Map<string, { session: ServingSession; taskId: string }>();
  /** Given back and not decided upon yet; settles with why it ends, or undefined. */
  private readonly deciding = new Map<ServingSession, Promise<string | undefined>>();
  private readonly endings = new Map<ServingSession, Promise<void>>();
  private readonly idleListeners = new Set<() => void>();
  private closed = false;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'warmContainers' | 'warmIdleMs'>,
    private readonly workspace: Workspace,
    private readonly leases: LeaseKeeper,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.observeWarm(() => this.warm);
  }

  /** The containers that wait for a task, or are about to: what is to be done first takes a moment, far less than a start. */
  idleContainers(workerId: string): WarmContainer[] {
    const soon = this.config.warmContainers === 0 ? [] : [...this.deciding.keys()].filter(({ terms }) => !this.chosen.has(terms.lease.id));
    return [...this.idleTimers.keys(), ...soon].filter(({ unfit }) => unfit === undefined).map(({ terms: { lease, pipelineId, projectId }, idleAt }) => ({
      leaseId: lease.id, workerId, pipelineId, projectId, devices: lease.devices, amounts: lease.amounts, idleSince: idleAt, pinned: false,
    }));
  }

  /** Calls `listener` whenever a container becomes idle. */
  onIdle(listener: () => void): void {
    this.idleListeners.add(listener);
  }

  /** Keeps the idle container of this lease for a task that is about to be taken: its lease, or undefined where it is idle no more. */
  choose(leaseId: string, taskId: string): HeldLease | undefined {
    const session = [...this.idleTimers.keys(), ...this.deciding.keys()].find(({ terms, unfit }) => terms.lease.id === leaseId && unfit === undefined);
    if (session === undefined || this.chosen.has(leaseId)) return undefined;
    this.stopIdling(session);
    this.chosen.set(leaseId, { session, taskId });
    return session.terms.lease;
  }

  /** The task was not to be had, or needed no container after all: the one that was chosen for it is idle again. */
  unchoose(leaseId: string, taskId: string): void {
    const choice = this.chosen.get(leaseId);
    // The next task may have chosen it by now.
    if (choice?.taskId !== taskId) return;
    this.chosen.delete(leaseId);
    const { session } = choice;
    if (this.deciding.has(session)) return;
    if (session.unfit === undefined && !this.closed) this.idle(session);
    else void this.end(session, session.unfit ?? 'this worker ends');
  }

  /** Whether the lease is a container's, which gives it back when it ends. */
  has(lease: HeldLease): boolean {
    return [...this.sessions, ...this.endings.keys()].some(({ terms }) => terms.lease.id === lease.id);
  }

  /** Ends the idle containers of these leases, whose place is wanted by a task that waits. */
  evict(leaseIds: readonly string[]): void {
    for (const session of this.idleTimers.keys()) {
      if (!leaseIds.includes(session.terms.lease.id)) continue;
      this.metrics.warmEvicted.inc();
      void this.end(session, 'a task that waits needs what it holds');
    }
  }

  /** A lease is not ours any more: its container must go. One that is at work is ended with its task. */
  lose(lease: HeldLease): void {
    for (const session of this.sessions) {
      if (session.terms.lease.id !== lease.id) continue;
      session.unfit ??= 'its lease was lost';
      if (this.idleTimers.has(session)) void this.end(session, session.unfit);
    }
  }

  /**
   * A session for a task of this key: the one that was chosen with the lease, if it is of the key still, else what `start`
   * gives on the same lease. It is the caller's until {@link giveBack}.
   */
  async take(key: string, lease: HeldLease, start: () => Promise<ServingSession>): Promise<ServingSession> {
    const warm = this.chosen.get(lease.id)?.session;
    if (warm !== undefined) {
      const why = (await this.deciding.get(warm)) ?? warm.unfit ?? (warm.terms.key === key ? undefined : 'its pipeline has changed');
      this.chosen.delete(lease.id);
      if (why === undefined) {
        this.metrics.warmTaken.inc({ outcome: 'hit' });
        return warm;
      }
      // Its place is the new one's.
      await this.end(warm, why, { keepLease: true });
    }
    this.metrics.warmTaken.inc({ outcome: 'miss' });
    const session = await start();
    this.sessions.add(session);
    // One that dies while it waits is put away at once; one that dies at work is put away by whoever gives it back.
    void session.whenGone.then(() => {
      if (this.idleTimers.has(session)) return this.end(session, 'its container ended while it waited');
    });
    return session;
  }

  /**
   * The task has ended: the session stays warm or ends. What is known to end is gone when this settles, so that its
   * task's end is told after it; what may stay is looked at after the caller has gone on.
   */
  async giveBack(session: ServingSession): Promise<void> {
    const decided = this.decide(session).catch((error: unknown) => {
      this.logger.error({ err: error }, 'a serving container could not be put in order for its next task');
      return 'it could not be put in order';
    });
    this.deciding.set(session, decided);
    const settled = decided.then((why) => {
      this.deciding.delete(session);
      // Whoever has chosen it meanwhile waits for this, and goes on from here.
      if (this.chosen.has(session.terms.lease.id)) return;
      if (why === undefined) this.idle(session);
      else return this.end(session, why);
    });
    if (session.unfit !== undefined || this.config.warmContainers === 0) await settled;
  }

  /** Containers that wait for a task. */
  get warm(): number {
    return this.idleTimers.size;
  }

  /** Ends every container. */
  async close(): Promise<void> {
    this.closed = true;
    for (const session of this.sessions) void this.end(session, 'this worker ends');
    await Promise.all(this.endings.values());
  }

  /** It waits for its next task, and the book shows it. */
  private idle(session: ServingSession): void {
    this.idleTimers.set(session, setTimeout(() => void this.end(session, 'idle for too long'), this.config.warmIdleMs));
    session.idleAt = Date.now();
    const { lease, projectId } = session.terms;
    this.leases.keepWarm(lease, { idleSince: session.idleAt, shareable: projectId === undefined, pinned: false }).catch((error: unknown) => this.logger.warn({ err: error }, 'the book could not be told of a warm container'));
    for (const listener of this.idleListeners) listener();
  }

  /** Puts it in order for its next task; says why it ends instead, if it does. */
  private async decide(session: ServingSession): Promise<string | undefined> {
    const now = session.memoryInUse;
    session.memoryAtFirst ??= now;
    if (this.closed) return 'this worker ends';
    const decision = decideKeep({
      unfit: session.unfit,
      memory: { now, atFirst: session.memoryAtFirst },
      room: { most: this.config.warmContainers, now: this.sessions.size },
      othersIdle: this.idleTimers.size > 0,
    });
    if (!decision.keep) return decision.why;
    if (decision.evictLongestIdle) {
      const [longest] = [...this.idleTimers.keys()].sort((a, b) => a.idleSince - b.idleSince);
      if (longest !== undefined) {
        this.metrics.warmEvicted.inc();
        void this.end(longest, 'another one needs its place');
      }
    }
    await this.workspace.cleanScratch(session.terms.folder);
    return session.unfit;
  }

  private stopIdling(session: ServingSession): void {
    clearTimeout(this.idleTimers.get(session));
    this.idleTimers.delete(session);
  }

  /** Settles when its container and its folder are gone and its lease is back; never rejects. */
  private end(session: ServingSession, why: string, { keepLease = false } = {}): Promise<void> {
    this.stopIdling(session);
    if (!this.sessions.delete(session)) return this.endings.get(session) ?? Promise.resolve();
    this.logger.info({ why, served: session.served }, 'a serving container ends');
    const ending = session
      .stop()
      .then(() => (keepLease ? undefined : this.leases.release([session.terms.lease])))
      .then(() => this.workspace.discard(session.terms.folder))
      .catch((error: unknown) => this.logger.error({ err: error, folder: session.terms.folder }, 'a serving container could not be put away'))
      .finally(() => this.endings.delete(session));
    this.endings.set(session, ending);
    return ending;
  }
}
