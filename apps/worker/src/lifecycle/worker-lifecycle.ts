/**
 * The worker's life: it becomes ready, works, drains, ends.
 *
 * Owns the phase. Must stay true: tasks are taken only while the environment was found in order; once draining,
 * readiness is 503 and no task is taken; the end comes within its deadline, and names what it could not do.
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
import { InstallIdentity } from '../container/install-identity.js';
import { killContainersOf } from '../container/kill-containers-of.js';
import { elapse } from '../run/elapse.js';
import { Watchdog } from '../watchdog/watchdog.js';
import { ContainerReaper } from './container-reaper.js';
import { Heartbeat } from './heartbeat.js';
import { prepareContainerEnvironment } from './prepare-container-environment.js';
import { runShutdownPhases, type ShutdownPhase } from './shutdown-phases.js';
import { EnvironmentChecks } from '../health/environment-checks.js';

export type WorkerPhase = 'starting' | 'working' | 'draining' | 'ended';

/** Between two looks at an environment that is not in order yet. */
const PREPARE_RETRY_MS = 2000;

/** How long the end may take beyond DRAIN_TIMEOUT: who started the process gives it ten seconds more before SIGKILL. */
const AFTER_DRAIN_MS = 9000;

/** A round of the intake is a few questions to Redis. */
const STOP_TAKING_MS = 2000;

/** A pipeline's usual grace of 5 s, and its task's way back into the queue. */
const PUT_BACK_MS = 5500;

/** An idle warm container has a second of grace. */
const WARM_END_MS = 2000;

const KILL_MS = 2000;

/** How long the last words to Redis may take, where it is away; it forgets this worker by itself too. */
const FAREWELL_MS = 1000;

@Injectable()
export class WorkerLifecycle implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private current: WorkerPhase = 'starting';
  private retry: NodeJS.Timeout | undefined;
  private readonly hurried = new AbortController();
  private left: readonly string[] = [];

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
    private readonly watchdog: Watchdog,
    private readonly identity: InstallIdentity,
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

  /** How long its end may take in all, milliseconds. */
  get deadlineMs(): number {
    return this.config.drainTimeoutMs + AFTER_DRAIN_MS;
  }

  /** What could not be done at the end. */
  get undone(): readonly string[] {
    return this.left;
  }

  /** A second signal: whatever runs is killed now and put back. */
  hurry(): void {
    if (this.current !== 'draining' || this.hurried.signal.aborted) return;
    this.logger.warn('told to end once more: running tasks are stopped now, without a grace');
    this.live.stopAll({ kind: 'drain', atOnce: true });
    this.hurried.abort();
    this.killOwn().catch((error: unknown) => this.logger.error({ err: error }, 'what runs could not be killed at once; it is tried again'));
  }

  private async begin(): Promise<void> {
    try {
      const report = await prepareContainerEnvironment(this.checks);
      if (this.current !== 'starting') return;
      this.logger.info(report, 'environment is in order');
      for (const step of [() => this.host.open(), () => this.leases.open(), () => this.orders.listen(), () => this.heartbeat.start(), () => this.watchdog.start(), () => this.intake.start()]) {
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

  /**
   * Ends everything, in phases under one deadline. Each is tried, whatever became of those before it: a Redis that hangs
   * must not keep a container alive, nor an engine that hangs a task from going back.
   */
  private async drain(why: string): Promise<void> {
    if (this.current === 'draining' || this.current === 'ended') return;
    this.current = 'draining';
    clearTimeout(this.retry);
    const { drainTimeoutMs } = this.config;
    this.logger.info({ why, running: this.live.count, drainTimeoutMs }, 'draining');
    // Whoever is told twice ends what runs, whichever phase is under way.
    const idle = { when: Promise.resolve() };
    const phases: ShutdownPhase[] = [
      { name: 'stop taking tasks', limitMs: STOP_TAKING_MS, run: () => this.stopTaking() },
      { name: 'let running tasks finish', limitMs: drainTimeoutMs + 1000, run: () => Promise.race([(idle.when = this.intake.close()), elapse(drainTimeoutMs, this.hurried.signal)]) },
      { name: 'put back what still runs', limitMs: PUT_BACK_MS, run: () => this.putBack(idle.when) },
      { name: 'end the warm containers', limitMs: WARM_END_MS, run: () => this.pool.close() },
      { name: 'kill what is left', limitMs: KILL_MS, run: () => this.killWhatIsLeft(idle.when) },
      { name: 'write down what runs have used', limitMs: FAREWELL_MS, run: () => this.demand.close() },
      { name: 'let go of the host', limitMs: FAREWELL_MS, run: () => this.letGoOfHost() },
      { name: 'tell the cluster', limitMs: FAREWELL_MS, run: () => this.heartbeat.stop() },
    ];
    this.left = await runShutdownPhases(phases, this.deadlineMs, ({ name, outcome, ms, error }) => {
      if (outcome === 'done') this.logger.info({ phase: name, ms, running: this.live.count }, 'draining');
      else this.logger.error({ phase: name, ms, running: this.live.count, err: error }, outcome === 'late' ? 'draining: a phase takes too long; going on without it' : 'draining: a phase has failed');
    });
    this.watchdog.stop();
    this.current = 'ended';
    if (this.left.length > 0) this.logger.error({ left: this.left }, 'ended, and not everything could be done; others put right what is left');
    else this.logger.info('ended');
  }

  private async stopTaking(): Promise<void> {
    this.heartbeat.drain();
    this.reaper.stop();
    await Promise.all([this.intake.pause(), this.warmUp.stop()]);
  }

  private async putBack(idle: Promise<void>): Promise<void> {
    this.live.stopAll({ kind: 'drain' });
    await idle;
  }

  /** For those that outlast their grace, and for whatever a create left whose answer was lost. */
  private async killWhatIsLeft(idle: Promise<void>): Promise<void> {
    await this.killOwn();
    await idle;
  }

  private async killOwn(): Promise<void> {
    const { containerEngine, dockerHost, workerId } = this.config;
    if (containerEngine !== 'docker') return;
    const killed = await killContainersOf({ dockerHost, installId: await this.identity.id(), workerId });
    if (killed.length > 0) this.logger.warn({ containers: killed }, 'killed containers that had not ended');
  }

  private letGoOfHost(): void {
    this.leases.close();
    this.host.close();
  }
}
