/**
 * Tells the cluster that this worker lives, every few seconds. Owns one timer; a word that cannot be given is given
 * again with the next one, and a worker that gives none for a while counts as dead.
 */
import { Inject, Injectable } from '@nestjs/common';
import { WORKER_BEAT_MS, WorkerRegistry } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { Host } from '../lease/host.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { LiveRuns } from '../run/live-runs.js';
import { WarmPool } from '../warm/warm-pool.js';

@Injectable()
export class Heartbeat {
  private timer: NodeJS.Timeout | undefined;
  private state: 'working' | 'draining' = 'working';
  private readonly startedAt = new Date().toISOString();

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    private readonly registry: WorkerRegistry,
    private readonly host: Host,
    private readonly live: LiveRuns,
    private readonly pool: WarmPool,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Resolves when the first word has been given. */
  async start(): Promise<void> {
    await this.beat();
    clearInterval(this.timer);
    this.timer = setInterval(() => {
      this.beat().catch((error: unknown) => this.logger.debug({ err: error }, 'the cluster could not be told that this worker lives'));
    }, WORKER_BEAT_MS);
  }

  drain(): void {
    this.state = 'draining';
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.registry.leave(this.config.workerId);
  }

  private beat(): Promise<void> {
    const { workerId, containerEngine, concurrency } = this.config;
    const { id: hostId, name: host, devices, cpuMillis, memoryBytes } = this.host;
    return this.registry.announce({
      workerId, hostId, host, devices, cpuMillis, memoryBytes, pid: process.pid, engine: containerEngine, state: this.state, running: this.live.count, warm: this.pool.warm, concurrency, startedAt: this.startedAt,
    });
  }
}
