/**
 * Removes containers of this installation that no attempt owns any more, left by a worker that died or by a create whose
 * answer was lost; and gives back the leases of dead workers of this host, once nothing runs on them. Looks at labels, task
 * records and the book only, and touches nothing else on the host.
 */
import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import type { Lease } from '@function-runner/lease-book';
import { isTerminal } from '@function-runner/task-contract';
import { WORKER_BEAT_MS, WorkerRegistry, type TaskRecord, type TaskStore } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { CONTAINER_ENGINE, type ContainerEngine, type FoundContainer } from '../container/container-engine.port.js';
import { isDeserted } from '../container/is-deserted.js';
import { Host, LEASE_TTL_MS } from '../lease/host.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { TASK_STORE } from '../progress/task-store.token.js';
import { LiveRuns } from '../run/live-runs.js';
import { Workspace } from '../workspace/workspace.js';

const INTERVAL_MS = 15_000;

/** Between two looks at dead leases: what a dead worker held is what a waiting task, perhaps its own, needs. */
const LEASE_INTERVAL_MS = 1000;

/** Between two looks at a worker that seems dead: after an outage of Redis the living ones need a moment to say so. */
const SECOND_LOOK_MS = 3 * WORKER_BEAT_MS;

/** A container this young may be one whose attempt is just being written. */
const GRACE_MS = 10_000;

/** Whether a container has no owner: its task has ended, is gone, waits again, or is at another attempt. Pure. */
export function isOrphan(container: FoundContainer, record: Pick<TaskRecord, 'state' | 'attempt'> | undefined): boolean {
  if (container.ageMs < GRACE_MS) return false;
  return record === undefined || isTerminal(record.state) || record.state === 'queued' || record.attempt !== container.attempt;
}

@Injectable()
export class ContainerReaper {
  private timer: NodeJS.Timeout | undefined;
  private leaseTimer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    @Inject(TASK_STORE) private readonly store: TaskStore,
    private readonly registry: WorkerRegistry,
    private readonly workspace: Workspace,
    private readonly host: Host,
    private readonly leases: LeaseKeeper,
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId' | 'containerEngine'>,
    private readonly live: LiveRuns,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Looks now and from then on. */
  start(): void {
    if (this.config.containerEngine !== 'null') this.sweepAgain();
    this.reclaimAgain();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearTimeout(this.leaseTimer);
  }

  private sweepAgain(): void {
    void this.sweep().finally(() => {
      if (!this.stopped) this.timer = setTimeout(() => this.sweepAgain(), INTERVAL_MS);
    });
  }

  private reclaimAgain(): void {
    void this.reclaim().finally(() => {
      if (!this.stopped) this.leaseTimer = setTimeout(() => this.reclaimAgain(), LEASE_INTERVAL_MS);
    });
  }

  private async isOwnerless(container: FoundContainer, dead: Map<string, Promise<boolean>>): Promise<boolean> {
    if (container.serving !== undefined) {
      // Once a sweep for all containers of a worker.
      const verdict = dead.get(container.workerId) ?? this.isDesertedTwice(container);
      dead.set(container.workerId, verdict);
      return verdict;
    }
    return !this.live.has(container.taskId) && isOrphan(container, await this.store.read(container.taskId));
  }

  private async isDesertedTwice(container: FoundContainer): Promise<boolean> {
    const look = async (): Promise<boolean> => isDeserted(container, this.config.workerId, await this.registry.isAlive(container.workerId));
    if (!(await look())) return false;
    await delay(SECOND_LOOK_MS, undefined, { ref: false });
    return !this.stopped && (await look());
  }

  private async sweep(): Promise<void> {
    try {
      const dead = new Map<string, Promise<boolean>>();
      for (const container of await this.engine.find()) {
        if (await this.isOwnerless(container, dead)) await this.remove(container, 'removed a container that nobody owns');
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'looking for ownerless containers failed; trying again later');
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
    // One that lives looks after its own: what it holds it renews, and what it could not give back it finds here itself.
    if (lease.holder !== this.config.workerId && (await this.registry.isAlive(lease.holder))) return;
    for (const container of containers) await this.remove(container, 'removed a container of a dead worker, whose lease has run out');
    // Given back as it was when the containers were looked for: whoever renewed it since may have started another.
    if (!(await this.host.book.releaseExpired(lease))) return;
    this.metrics.leasesReclaimed.inc();
    this.logger.warn({ lease: lease.id, task: lease.taskId, worker: lease.holder, ttlMs: LEASE_TTL_MS }, 'gave back a lease of a dead worker');
  }

  private async remove(container: FoundContainer, why: string): Promise<void> {
    await this.engine.remove(container.id);
    if (container.serving !== undefined) await this.workspace.discardServing(container.serving.projectName, container.serving.folderName);
    this.metrics.reaped.inc();
    this.logger.warn({ container: container.id, task: container.taskId, attempt: container.attempt, worker: container.workerId, lease: container.leaseId }, why);
  }
}
