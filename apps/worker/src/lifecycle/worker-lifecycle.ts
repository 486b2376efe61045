/**
 * The worker's life: it becomes ready, works, drains, ends.
 *
 * Owns the phase. Must stay true: tasks are taken only while the environment was found in order; once draining,
 * readiness is 503 and no task is taken; when `drain` returns no container of this process is left.
 */
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { BullMqIntake } from '../intake/bullmq-intake.adapter.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerOrders } from '../run/worker-orders.js';
import { LiveRuns } from '../run/live-runs.js';
import { ContainerReaper } from './container-reaper.js';
import { prepareContainerEnvironment } from './prepare-container-environment.js';
import { EnvironmentChecks } from '../health/environment-checks.js';

export type WorkerPhase = 'starting' | 'working' | 'draining' | 'ended';

/** Between two looks at an environment that is not in order yet. */
const PREPARE_RETRY_MS = 2000;

@Injectable()
export class WorkerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private current: WorkerPhase = 'starting';
  private retry: NodeJS.Timeout | undefined;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    private readonly checks: EnvironmentChecks,
    private readonly intake: BullMqIntake,
    private readonly orders: WorkerOrders,
    private readonly reaper: ContainerReaper,
    private readonly live: LiveRuns,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  get phase(): WorkerPhase {
    return this.current;
  }

  onApplicationBootstrap(): void {
    void this.begin();
  }

  /** Nest calls it on SIGTERM and SIGINT, before it closes anything. */
  async beforeApplicationShutdown(signal?: string): Promise<void> {
    await this.drain(signal ?? 'shutdown');
  }

  /** A second signal: whatever runs is stopped now and put back. */
  hurry(): void {
    this.logger.warn('second signal: running tasks are stopped now');
    this.live.stopAll({ kind: 'drain' });
  }

  private async begin(): Promise<void> {
    try {
      const report = await prepareContainerEnvironment(this.checks);
      if (this.current !== 'starting') return;
      this.logger.info(report, 'environment is in order');
      await this.orders.listen();
      await this.intake.start();
      if (this.config.containerEngine !== 'null') this.reaper.start();
      if (this.current === 'starting') this.current = 'working';
      this.logger.info({ concurrency: this.config.concurrency }, 'taking tasks');
    } catch (error) {
      if (this.current !== 'starting') return;
      this.logger.error({ err: error }, 'the environment is not in order; no task is taken until it is');
      this.retry = setTimeout(() => void this.begin(), PREPARE_RETRY_MS);
    }
  }

  private async drain(why: string): Promise<void> {
    if (this.current === 'draining' || this.current === 'ended') return;
    this.current = 'draining';
    clearTimeout(this.retry);
    const startedAt = Date.now();
    const phase = (name: string): void => this.logger.info({ phase: name, why, running: this.live.count, ms: Date.now() - startedAt }, 'draining');
    phase('stop taking tasks');
    await this.intake.pause();
    this.reaper.stop();
    phase('let running tasks finish');
    const deadline = setTimeout(() => {
      phase('put back what still runs');
      this.live.stopAll({ kind: 'drain' });
    }, this.config.drainTimeoutMs);
    await this.intake.close();
    clearTimeout(deadline);
    this.current = 'ended';
    phase('done');
  }
}
