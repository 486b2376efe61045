/**
 * The serving containers of this worker: those at work, and those kept warm for the next task of their kind.
 *
 * Owns every {@link ServingSession} from its start to its end, and with it the lease that it runs on. Must stay true: a
 * container is used by one task at a time and, unless its pipeline is shareable, only within its project; at most
 * `most` are kept; one that is idle too long, unfit or in the way of another is ended and its folder removed, but the
 * operator's minimum of each pipeline (*pinned*) idles as long as it will; a lease is given back when its container is
 * gone and no sooner, by the task where the container goes with it; when {@link close} settles none is left.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { WarmContainer } from '@function-runner/scheduling';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { EngineFault } from '../container/engine-fault.js';
import type { HeldLease } from '../lease/held-lease.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { Workspace } from '../workspace/workspace.js';
import { choosePinned } from './choose-pinned.js';
import { decideKeep } from './keep-decision.js';
import type { ServingSession, SessionTerms } from './serving-session.js';

/** Longest that an idle container may take to end, seconds: it has nothing to put in order, and somebody may wait for its place. */
const IDLE_GRACE_SECONDS = 5;

/** The longest that a timer of Node can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A pipeline that no task has: what is ending serves nobody. */
const NO_PIPELINE = '';

/** What a task needs of a container. */
export interface ServingNeed {
  /** See `servingKey`. */
  key: string;
  pipelineId: string;
}

/** A container that waits for its next task. */
interface Idling {
  timer: NodeJS.Timeout;
  pinned: boolean;
}

/** A container on its way out. */
interface Ending {
  /** Settles when it is put away, with whether it is known to be gone. */
  done: Promise<boolean>;
  /** Whether its lease outlives it: its successor runs on it, or its task has it still. */
  keepsLease: boolean;
}

@Injectable()
export class WarmPool {
  private readonly sessions = new Set<ServingSession>();
  private readonly idling = new Map<ServingSession, Idling>();
  /** Chosen for a task that is just being taken, by their leases. */
  private readonly chosen = new Map<string, { session: ServingSession; taskId: string }>();
  /** Given back and not decided upon yet; settles with why it ends, or undefined. */
  private readonly deciding = new Map<ServingSession, Promise<string | undefined>>();
  private readonly endings = new Map<ServingSession, Ending>();
  /** Containers that are being started for tasks, by their pipelines. */
  private readonly starting: string[] = [];
  private readonly idleListeners = new Set<() => void>();
  private closed = false;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'warmContainers' | 'warmIdleMs' | 'warmMinimum'>,
    private readonly workspace: Workspace,
    private readonly leases: LeaseKeeper,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.observeWarm(() => this.warm);
  }

  /**
   * The containers that wait for a task, those that are about to (what is to be done first takes a moment, far less than a
   * start), and those that are ending: their place is free soon, so that nobody needs to end another.
   */
  idleContainers(workerId: string): WarmContainer[] {
    const shown = (session: ServingSession, changes: Partial<WarmContainer>): WarmContainer => {
      const { idleAt, terms: { lease, pipelineId, project } } = session;
      return { leaseId: lease.id, workerId, pipelineId, projectId: project?.id, devices: lease.devices, amounts: lease.amounts, idleSince: idleAt, pinned: false, ...changes };
    };
    const isFit = ({ unfit }: ServingSession): boolean => unfit === undefined;
    const soon = this.config.warmContainers === 0 ? [] : [...this.deciding.keys()].filter((session) => isFit(session) && !this.chosen.has(session.terms.lease.id));
    const pinned = this.pinned(soon);
    return [
      ...[...this.idling.keys()].filter(isFit).concat(soon).map((session) => shown(session, { pinned: pinned.has(session) })),
      ...[...this.endings].filter(([, { keepsLease }]) => !keepsLease).map(([session]) => shown(session, { pipelineId: NO_PIPELINE, idleSince: 0 })),
    ];
  }

  /** Calls `listener` whenever a container becomes idle. */
  onIdle(listener: () => void): void {
    this.idleListeners.add(listener);
  }

  /** Keeps the idle container of this lease for a task that is about to be taken: its lease, or undefined where it is idle no more. */
  choose(leaseId: string, taskId: string): HeldLease | undefined {
    const session = [...this.idling.keys(), ...this.deciding.keys()].find(({ terms, unfit }) => terms.lease.id === leaseId && unfit === undefined);
    if (session === undefined || this.chosen.has(leaseId)) return undefined;
    this.chosen.set(leaseId, { session, taskId });
    this.stopIdling(session);
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

  /** Ends the idle containers of these leases, whose place is wanted by a task that waits; never one that is pinned by now. */
  evict(leaseIds: readonly string[]): void {
    for (const [session, { pinned }] of this.idling) {
      if (pinned || !leaseIds.includes(session.terms.lease.id)) continue;
      this.metrics.warmEvicted.inc();
      void this.end(session, 'a task that waits needs what it holds');
    }
  }

  /** A lease is not ours any more: its container must go. One that is at work is ended with its task. */
  lose(lease: HeldLease): void {
    for (const session of this.sessions) {
      if (session.terms.lease.id !== lease.id) continue;
      session.unfit ??= 'its lease was lost';
      if (this.idling.has(session)) void this.end(session, session.unfit);
    }
  }

  /**
   * A session for a task that needs such a container: the one that was chosen with the lease, if it is one still, else
   * what `start` gives on the same lease. It is the caller's until {@link giveBack}.
   * @throws EngineFault where the one that was chosen holds the lease's place and its end cannot be made sure of
   */
  async take({ key, pipelineId }: ServingNeed, lease: HeldLease, start: () => Promise<ServingSession>): Promise<ServingSession> {
    const warm = this.chosen.get(lease.id)?.session;
    if (warm !== undefined) {
      const why = (await this.deciding.get(warm)) ?? warm.unfit ?? (warm.terms.key === key ? undefined : 'its pipeline has changed');
      this.chosen.delete(lease.id);
      if (why === undefined) {
        this.metrics.warmTaken.inc({ outcome: 'hit' });
        return warm;
      }
      // Its place is the new one's.
      if (!(await this.end(warm, why, { keepLease: true }))) throw new EngineFault('unresponsive', `a warm container could not be ended (${why}), so its place is not free`);
    }
    lease.warm = false;
    this.metrics.warmTaken.inc({ outcome: 'miss' });
    this.starting.push(pipelineId);
    try {
      const session = await start();
      this.own(session);
      return session;
    } finally {
      this.starting.splice(this.starting.indexOf(pipelineId), 1);
    }
  }

  /** Takes a container in that was started before any task came for it. */
  add(session: ServingSession): void {
    this.own(session);
    session.rest();
    if (this.sessions.size > this.config.warmContainers) this.evictLongestIdle('one that is always to be warm needs its place');
    if (this.closed || session.unfit !== undefined) void this.end(session, session.unfit ?? 'this worker ends');
    else this.idle(session);
  }

  /**
   * The task has ended: the session stays warm or ends. What is known to end is gone when this settles, so that its
   * task's end is told after it, and its lease is the task's alone again; what may stay is looked at after the caller has
   * gone on.
   */
  async giveBack(session: ServingSession): Promise<void> {
    const decided = this.decide(session).catch((error: unknown) => {
      this.logger.error({ err: error }, 'a serving container could not be put in order for its next task');
      return 'it could not be put in order';
    });
    this.deciding.set(session, decided);
    const isLeaving = session.unfit !== undefined || this.config.warmContainers === 0;
    const settled = decided.then((why) => {
      this.deciding.delete(session);
      // Whoever has chosen it meanwhile goes on from here, and may come to it only later: it must find the verdict.
      session.unfit ??= why;
      if (this.chosen.has(session.terms.lease.id)) return;
      if (session.unfit === undefined) this.idle(session);
      else return this.end(session, session.unfit, { keepLease: isLeaving });
    });
    if (isLeaving) await settled;
  }

  /** Containers that wait for a task. */
  get warm(): number {
    return this.idling.size;
  }

  /** The terms of a pipeline's containers that serve, or can. */
  termsOf(pipelineId: string): SessionTerms[] {
    return [...this.sessions].filter(({ terms, unfit }) => terms.pipelineId === pipelineId && unfit === undefined).map(({ terms }) => terms);
  }

  /** How many containers of a pipeline there are, or are being started for tasks. */
  count(pipelineId: string): number {
    return this.termsOf(pipelineId).length + this.starting.filter((id) => id === pipelineId).length;
  }

  /** Ends the idle containers of a pipeline that no task would be given any more. */
  retire(pipelineId: string, isCurrent: (terms: SessionTerms) => boolean): void {
    for (const session of this.idling.keys()) if (session.terms.pipelineId === pipelineId && !isCurrent(session.terms)) void this.end(session, 'its pipeline has changed, or its GPU takes no task');
  }

  /** Whether there is room for one more container; if need be the one that has been idle longest ends, unless it is pinned. */
  makeRoom(): boolean {
    if (this.sessions.size + this.starting.length < this.config.warmContainers) return true;
    return this.evictLongestIdle('one that is always to be warm needs its place');
  }

  /** Ends every container. */
  async close(): Promise<void> {
    this.closed = true;
    for (const session of this.sessions) void this.end(session, 'this worker ends');
    await Promise.all([...this.endings.values()].map(({ done }) => done));
  }

  private own(session: ServingSession): void {
    this.sessions.add(session);
    // One that dies while it waits is put away at once; one that dies at work is put away by whoever gives it back.
    void session.whenGone.then(() => {
      if (this.idling.has(session)) return this.end(session, 'its container ended while it waited');
    });
  }

  /** It waits for its next task, and the book shows it. */
  private idle(session: ServingSession): void {
    const left = Math.max(0, this.config.warmIdleMs - (performance.now() - session.idleSince));
    const timer = setTimeout(() => {
      if (this.idling.get(session)?.pinned === false) void this.end(session, 'idle for too long');
    }, Math.min(left, LONGEST_TIMER_MS));
    const pinned = this.pinned([session]).has(session);
    this.idling.set(session, { timer, pinned });
    this.tellBook(session, pinned);
    this.pinAgain();
    for (const listener of this.idleListeners) listener();
  }

  private stopIdling(session: ServingSession): void {
    clearTimeout(this.idling.get(session)?.timer);
    if (this.idling.delete(session)) this.pinAgain();
  }

  /** Of the idle containers and those about to be, the ones that are always kept. */
  private pinned(soon: readonly ServingSession[] = []): ReadonlySet<ServingSession> {
    const idle = [...this.idling.keys(), ...soon].map((session) => ({ session, pipelineId: session.terms.pipelineId, idleAt: session.idleSince }));
    return new Set([...choosePinned(idle, this.config.warmMinimum)].map(({ session }) => session));
  }

  /** Another one is idle, or one less: which are pinned may be others now. */
  private pinAgain(): void {
    const pinned = this.pinned();
    for (const [session, idling] of this.idling) {
      if (pinned.has(session) === idling.pinned) continue;
      idling.pinned = !idling.pinned;
      if (!idling.pinned && performance.now() - session.idleSince >= this.config.warmIdleMs) void this.end(session, 'idle for too long');
      else this.tellBook(session, idling.pinned);
    }
  }

  private tellBook({ idleAt, terms: { lease, project } }: ServingSession, pinned: boolean): void {
    this.leases.keepWarm(lease, { idleSince: idleAt, shareable: project === undefined, pinned }).catch((error: unknown) => this.logger.warn({ err: error }, 'the book could not be told of a warm container'));
  }

  /** Puts it in order for its next task; says why it ends instead, if it does. */
  private async decide(session: ServingSession): Promise<string | undefined> {
    const now = session.memoryInUse;
    session.memoryAtFirst ??= now;
    if (this.closed) return 'this worker ends';
    const pinned = this.pinned([session]);
    const decision = decideKeep({
      unfit: session.unfit,
      memory: { now, atFirst: session.memoryAtFirst },
      room: { most: this.config.warmContainers, now: this.sessions.size },
      pinned: pinned.has(session),
      othersIdle: [...this.idling.keys()].some((other) => !pinned.has(other)),
    });
    if (!decision.keep) return decision.why;
    if (decision.evictLongestIdle) this.evictLongestIdle('another one needs its place', pinned);
    await this.workspace.cleanScratch(session.terms.folder);
    return session.unfit;
  }

  /** Whether there was one. */
  private evictLongestIdle(why: string, pinned = this.pinned()): boolean {
    const [longest] = [...this.idling.keys()].filter((session) => !pinned.has(session)).sort((a, b) => a.idleSince - b.idleSince);
    if (longest === undefined) return false;
    this.metrics.warmEvicted.inc();
    void this.end(longest, why);
    return true;
  }

  /** Settles when its container and its folder are gone and its lease is back, with whether that could be made sure of; never rejects. */
  private end(session: ServingSession, why: string, { keepLease = false } = {}): Promise<boolean> {
    const grace = session.busy ? session.terms.graceSeconds : Math.min(session.terms.graceSeconds, IDLE_GRACE_SECONDS);
    // Before it idles no more: what looks at those that do must not find it among the living.
    if (!this.sessions.delete(session)) return this.endings.get(session)?.done ?? Promise.resolve(session.isGone);
    this.logger.info({ why, served: session.served }, 'a serving container ends');
    const done = this.putAway(session, grace, keepLease).finally(() => this.endings.delete(session));
    this.endings.set(session, { done, keepsLease: keepLease });
    this.stopIdling(session);
    return done;
  }

  private async putAway(session: ServingSession, graceSeconds: number, keepLease: boolean): Promise<boolean> {
    const { lease, folder } = session.terms;
    try {
      await session.stop(graceSeconds);
      if (!session.isGone) throw new Error('the container engine does not say whether the container is gone');
    } catch (error) {
      this.logger.error({ err: error, folder }, 'a serving container may still be there; it is looked after when its lease has run out');
      this.leases.abandon(lease);
      return false;
    }
    try {
      if (!keepLease) await this.leases.release([lease]);
      await this.workspace.discard(folder);
    } catch (error) {
      this.logger.error({ err: error, folder }, 'the folder of a serving container could not be removed');
    }
    return true;
  }
}
