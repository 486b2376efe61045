/**
 * The worker's life: it becomes ready, works, drains, ends.
 *
 * Owns the phase. Must stay true: tasks are taken only while the environment was found in order; once draining,
 * readiness is 503 and no task is taken; when `drain` returns no container of this process is left.
 */
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { Intake } from '../intake/intake.js';
import { Host } from '../lease/host.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerOrders } from '../run/worker-orders.js';
import { LiveRuns } from '../run/live-runs.js';
import { DemandLog } from '../demand/demand-log.js';
import { WarmUp } from '../warm/warm-up.js';
import { WarmPool } from '../warm/warm-pool.js';
import { within } from './within.js';
import { ContainerReaper } from './container-reaper.js';
import { Heartbeat } from './heartbeat.js';
import { prepareContainerEnvironment } from './prepare-container-environment.js';
import { EnvironmentChecks } from '../health/environment-checks.js';

export type WorkerPhase = 'starting' | 'working' | 'draining' | 'ended';

/** Between two looks at an environment that is not in order yet. */
const PREPARE_RETRY_MS = 2000;

/** How long the last word to the cluster may take, where Redis is away; it forgets this worker by itself too. */
const FAREWELL_MS = 1000;

@Injectable()
export class WorkerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private current: WorkerPhase = 'starting';
  private retry: NodeJS.Timeout | undefined;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    private readonly checks: EnvironmentChecks,
    private readonly host: Host,
    private readonly leases: LeaseKeeper,
    private readonly intake: Intake,
    private readonly orders: WorkerOrders,
    private readonly reaper: ContainerReaper,
    private readonly live: LiveRuns,
    private readonly heartbeat: Heartbeat,
    private readonly pool: WarmPool,
    private readonly warmUp: WarmUp,
    private readonly demand: DemandLog,
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
      for (const step of [() => this.host.open(), () => this.leases.open(), () => this.orders.listen(), () => this.heartbeat.start(), () => this.intake.start()]) {
        await step();
        if (this.current !== 'starting') return;
      }
      this.reaper.start();
      this.warmUp.start();
      this.current = 'working';
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
    this.heartbeat.drain();
    await this.intake.pause();
    await this.warmUp.stop();
    this.reaper.stop();
    phase('let running tasks finish');
    const deadline = setTimeout(() => {
      phase('put back what still runs');
      this.live.stopAll({ kind: 'drain' });
    }, this.config.drainTimeoutMs);
    await this.intake.close();
    clearTimeout(deadline);
    phase('end the warm containers');
    await this.pool.close();
    await this.demand.close();
    this.leases.close();
    this.host.close();
    await within(FAREWELL_MS, this.heartbeat.stop()).catch((error: unknown) => this.logger.warn({ err: error }, 'the cluster could not be told that this worker ends'));
    this.current = 'ended';
    phase('done');
  }
}
