/**
 * The hosts as this worker sees them when it decides: its own from the mirror of its book and its warm pool,
 * the others from a look every now and then, since their workers decide for them.
 *
 * Owns the copy of the others. A wrong one costs a moment's courtesy towards a host that would not have taken the task.
 */
import { Inject, Injectable } from '@nestjs/common';
import { ClusterReader, hostStateOf } from '@function-runner/lease-book';
import type { HostState } from '@function-runner/scheduling';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { Host } from '../lease/host.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { WarmPool } from '../warm/warm-pool.js';

@Injectable()
export class ClusterView {
  private others: readonly HostState[] = [];

  constructor(
    private readonly host: Host,
    private readonly leases: LeaseKeeper,
    private readonly cluster: ClusterReader,
    private readonly pool: WarmPool,
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** All hosts, as far as known without asking anybody. */
  get hosts(): readonly HostState[] {
    const { id: hostId, name, devices } = this.host;
    const own = hostStateOf({ hostId, name, devices }, this.leases.mirror.current);
    const { workerId } = this.config;
    // What our own containers do we know before the book does.
    const warm = [...own.warm.filter((container) => container.workerId !== workerId), ...this.pool.idleContainers(workerId)];
    return [{ ...own, warm }, ...this.others];
  }

  /** Looks at the other hosts. */
  async lookAround(): Promise<void> {
    try {
      this.others = await this.cluster.live([this.host.id]);
    } catch (error) {
      this.logger.debug({ err: error }, 'the other hosts could not be looked at; they are taken to be as they were');
    }
  }
}
