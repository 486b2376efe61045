/**
 * Puts right what dead workers have left: removes what nobody owns (see OwnerlessSweep), and gives back the leases of dead
 * workers of this host, once nothing runs on them. Owns the two timers by which it looks.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { Lease } from '@function-runner/lease-book';
import { WorkerRegistry, type TaskStore } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { CONTAINER_ENGINE, type ContainerEngine, type FoundContainer } from '../container/container-engine.port.js';
import { DeadWorkers } from '../lease/dead-workers.js';
import { Host, LEASE_TTL_MS } from '../lease/host.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { RedisConnections } from '../progress/redis-connections.js';
import { TASK_STORE } from '../progress/task-store.token.js';
import { LiveRuns } from '../run/live-runs.js';
import { Workspace } from '../workspace/workspace.js';
import { OwnerlessSweep } from './ownerless-sweep.js';

/** Between two sweeps. With the grace, the second look and the removal itself, what nobody owns is gone within 30 s. */
const INTERVAL_MS = 10_000;

/** The workspace is looked at with each so many sweeps, once a minute: a folder that is left costs some disk, and a look one question for each project. */
const FOLDERS_EACH = 6;

/** Between two looks at dead leases: what a dead worker held is what a waiting task, perhaps its own, needs. */
const LEASE_INTERVAL_MS = 1000;

@Injectable()
export class ContainerReaper {
  private timer: NodeJS.Timeout | undefined;
  private leaseTimer: NodeJS.Timeout | undefined;
  private readonly stopped = new AbortController();
  private readonly sweeper: OwnerlessSweep;
  private sweeps = 0;

  constructor(
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    @Inject(TASK_STORE) store: TaskStore,
    registry: WorkerRegistry,
    private readonly dead: DeadWorkers,
    private readonly workspace: Workspace,
    private readonly host: Host,
    private readonly leases: LeaseKeeper,
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId' | 'containerEngine' | 'workspaceRoot'>,
    redis: RedisConnections,
    live: LiveRuns,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.sweeper = new OwnerlessSweep({ engine, store, registry, workspace, redis: redis.check, live, leases, config, metrics, logger });
  }

  /** Looks now and from then on. */
  start(): void {
    if (this.config.containerEngine !== 'null') this.sweepAgain();
    this.reclaimAgain();
  }

  stop(): void {
    this.stopped.abort();
    clearTimeout(this.timer);
    clearTimeout(this.leaseTimer);
  }

  private sweepAgain(): void {
    void this.sweep().finally(() => {
      if (!this.stopped.signal.aborted) this.timer = setTimeout(() => this.sweepAgain(), INTERVAL_MS);
    });
  }

  private reclaimAgain(): void {
    void this.reclaim().finally(() => {
      if (!this.stopped.signal.aborted) this.leaseTimer = setTimeout(() => this.reclaimAgain(), LEASE_INTERVAL_MS);
    });
  }

  private async sweep(): Promise<void> {
    try {
      const folders = this.sweeps % FOLDERS_EACH === 0;
      this.sweeps += 1;
      await this.sweeper.sweepOnce({ dryRun: false, folders, signal: this.stopped.signal });
    } catch (error) {
      if (!this.stopped.signal.aborted) this.logger.warn({ err: error }, 'nothing was removed that nobody may own, since it cannot be told for sure; looking again later');
    }
  }

  /**
   * Gives back what dead workers of this host held, and what of our own could not be given back, or was granted in an answer
   * that was lost. A lease is renewed four times in its life, so one that has run out is of a worker that is dead or cannot
   * reach Redis; the latter starts nothing more on it before it has asked the book.
   */
  private async reclaim(): Promise<void> {
    try {
      const expired = (await this.host.book.expired()).filter(({ id }) => !this.leases.holds(id));
      if (expired.length === 0) return;
      const containers = this.config.containerEngine === 'null' ? [] : await this.engine.find();
      for (const lease of expired) await this.putAway(lease, containers.filter(({ leaseId }) => leaseId === lease.id));
    } catch (error) {
      this.logger.warn({ err: error }, 'looking for leases of dead workers failed; trying again later');
    }
  }

  private async putAway(lease: Lease, containers: readonly FoundContainer[]): Promise<void> {
    // One that lives looks after its own: what it holds it renews, and what it could not give back it finds here itself. After
    // an outage of Redis it has not renewed yet, nor given its word: only one that is dead for sure has nothing running here.
    if (lease.holder !== this.config.workerId && !(await this.dead.isDead(lease.holder))) return;
    for (const container of containers) await this.remove(container);
    // Given back as it was when the containers were looked for: whoever renewed it since may have started another.
    if (!(await this.host.book.releaseExpired(lease))) return;
    this.metrics.leasesReclaimed.inc();
    this.metrics.repairs.inc({ kind: containers.length > 0 ? 'lease-of-dead-worker' : 'lease-without-container' });
    this.logger.warn({ lease: lease.id, task: lease.taskId, worker: lease.holder, ttlMs: LEASE_TTL_MS }, 'gave back a lease of a dead worker');
  }

  private async remove(container: FoundContainer): Promise<void> {
    await this.engine.remove(container.id);
    if (container.serving !== undefined) await this.workspace.discardServing(container.serving.projectName, container.serving.folderName);
    this.metrics.reaped.inc();
    this.logger.warn({ container: container.id, task: container.taskId, attempt: container.attempt, worker: container.workerId, lease: container.leaseId }, 'removed a container of a dead worker, whose lease has run out');
  }
}
