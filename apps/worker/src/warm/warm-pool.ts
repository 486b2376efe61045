/**
 * The serving containers of this worker: those at work, and those kept warm for the next task of their kind.
 *
 * Owns every {@link ServingSession} from its start to its end. Must stay true: a container is used by one task at a
 * time and only within its project; at most `most` are kept; one that is idle too long, unfit or in the way of
 * another is ended and its folder removed; when {@link close} settles none is left.
 */
import { Inject, Injectable } from '@nestjs/common';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { Workspace } from '../workspace/workspace.js';
import { decideKeep } from './keep-decision.js';
import type { ServingSession } from './serving-session.js';

@Injectable()
export class WarmPool {
  private readonly sessions = new Set<ServingSession>();
  private readonly idleTimers = new Map<ServingSession, NodeJS.Timeout>();
  /** Given back and not decided upon yet; settles with why it ends, or undefined. */
  private readonly deciding = new Map<ServingSession, Promise<string | undefined>>();
  private readonly endings = new Map<ServingSession, Promise<void>>();
  private closed = false;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'warmContainers' | 'warmIdleMs'>,
    private readonly workspace: Workspace,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.observeWarm(() => this.warm);
  }

  /**
   * A session for a task of this key: a warm one where there is one, else what `start` gives. It is the caller's
   * until {@link giveBack}.
   */
  async take(key: string, start: () => Promise<ServingSession>): Promise<ServingSession> {
    let warm = this.findIdle(key);
    // One that has just ended a task is a moment away from being idle: far less than a start takes.
    while (warm === undefined) {
      const soon = [...this.deciding].filter(([session]) => session.terms.key === key && session.unfit === undefined).map(([, decided]) => decided);
      if (soon.length === 0) break;
      await Promise.race(soon);
      warm = this.findIdle(key);
    }
    if (warm !== undefined) {
      this.stopIdling(warm);
      this.metrics.warmTaken.inc({ outcome: 'hit' });
      return warm;
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
      return why === undefined ? undefined : this.end(session, why);
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

  private findIdle(key: string): ServingSession | undefined {
    return [...this.idleTimers.keys()].find((session) => session.terms.key === key && session.unfit === undefined);
  }

  /** Makes it idle, or says why it ends. */
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
    if (session.unfit !== undefined) return session.unfit;
    this.idleTimers.set(session, setTimeout(() => void this.end(session, 'idle for too long'), this.config.warmIdleMs));
    return undefined;
  }

  private stopIdling(session: ServingSession): void {
    clearTimeout(this.idleTimers.get(session));
    this.idleTimers.delete(session);
  }

  /** Settles when its container and its folder are gone; never rejects. */
  private end(session: ServingSession, why: string): Promise<void> {
    this.stopIdling(session);
    if (!this.sessions.delete(session)) return this.endings.get(session) ?? Promise.resolve();
    this.logger.info({ why, served: session.served }, 'a serving container ends');
    const ending = session
      .stop()
      .then(() => this.workspace.discard(session.terms.folder))
      .catch((error: unknown) => this.logger.error({ err: error, folder: session.terms.folder }, 'a serving container could not be put away'))
      .finally(() => this.endings.delete(session));
    this.endings.set(session, ending);
    return ending;
  }
}
