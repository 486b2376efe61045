/**
 * Removes containers of this installation that no attempt owns any more: left by a worker that died, or by a
 * create whose answer was lost. Looks at labels and task records only, and touches nothing else on the host.
 */
import { Inject, Injectable } from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { isTerminal } from '@function-runner/task-contract';
import { WORKER_BEAT_MS, WorkerRegistry, type TaskRecord, type TaskStore } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { CONTAINER_ENGINE, type ContainerEngine, type FoundContainer } from '../container/container-engine.port.js';
import { isDeserted } from '../container/is-deserted.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { TASK_STORE } from '../progress/task-store.token.js';
import { LiveRuns } from '../run/live-runs.js';
import { Workspace } from '../workspace/workspace.js';

const INTERVAL_MS = 15_000;

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
  private stopped = false;

  constructor(
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    @Inject(TASK_STORE) private readonly store: TaskStore,
    private readonly registry: WorkerRegistry,
    private readonly workspace: Workspace,
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId'>,
    private readonly live: LiveRuns,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Looks now and from then on. */
  start(): void {
    void this.sweep().finally(() => {
      if (!this.stopped) this.timer = setTimeout(() => this.start(), INTERVAL_MS);
    });
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
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
        if (!(await this.isOwnerless(container, dead))) continue;
        await this.engine.remove(container.id);
        if (container.serving !== undefined) await this.workspace.discardServing(container.serving.projectName, container.serving.folderName);
        this.metrics.reaped.inc();
        this.logger.warn({ container: container.id, task: container.taskId, attempt: container.attempt, worker: container.workerId }, 'removed a container that nobody owns');
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'looking for ownerless containers failed; trying again later');
    }
  }
}
