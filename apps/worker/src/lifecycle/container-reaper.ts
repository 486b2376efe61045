/**
 * Removes containers of this installation that no attempt owns any more: left by a worker that died, or by a
 * create whose answer was lost. Looks at labels and task records only, and touches nothing else on the host.
 */
import { Inject, Injectable } from '@nestjs/common';
import { isTerminal } from '@function-runner/task-contract';
import type { TaskRecord, TaskStore } from '@function-runner/task-store';
import { CONTAINER_ENGINE, type ContainerEngine, type FoundContainer } from '../container/container-engine.port.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { TASK_STORE } from '../progress/task-store.token.js';
import { LiveRuns } from '../run/live-runs.js';

const INTERVAL_MS = 15_000;

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

  private async sweep(): Promise<void> {
    try {
      for (const container of await this.engine.find()) {
        if (this.live.has(container.taskId) || !isOrphan(container, await this.store.read(container.taskId))) continue;
        await this.engine.remove(container.id);
        this.metrics.reaped.inc();
        this.logger.warn({ container: container.id, task: container.taskId, attempt: container.attempt }, 'removed a container that no attempt owns');
      }
    } catch (error) {
      this.logger.warn({ err: error }, 'looking for ownerless containers failed; trying again later');
    }
  }
}
