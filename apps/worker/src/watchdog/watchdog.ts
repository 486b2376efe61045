/**
 * Looks after the main event loop from outside of it. A loop that is blocked (a long computation, a swapped-out heap, a
 * stopped process) renews neither the locks of its tasks nor the leases of its containers, so that others take them.
 *
 * Owns a thread that kills this worker's containers when the loop has not turned for {@link BLOCKED_MS}, and the timer
 * whose beats that thread hears. Must stay true: when the loop turns again after that long, each of its runs is told
 * that it lost what it held before anything else of it goes on, so that a container that was killed is nobody's failure.
 */
import { Inject, Injectable } from '@nestjs/common';
import { Worker } from 'node:worker_threads';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { InstallIdentity } from '../container/install-identity.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { WorkerMetrics } from '../metrics/worker-metrics.js';
import { LiveRuns } from '../run/live-runs.js';
import { LoopSigns } from './loop-signs.js';
import type { WatchdogTask } from './watchdog-task.js';

/** Between two beats, milliseconds: far shorter than what counts as blocked, and twice a second costs nothing. */
const BEAT_MS = 500;

/**
 * The loop that has not turned for so long is blocked, milliseconds. A task's lock lasts 5 s and is renewed every 1.25 s, so
 * this is the soonest that it can be lost: what runs is killed before another worker can have the task.
 */
const BLOCKED_MS = 3750;

/** Until a thread that has ended by itself is started again, milliseconds. */
const RESTART_MS = 1000;

/** The thread lists and kills, and keeps nothing: its heap stays at a few megabytes. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 };

const THREAD_PROGRAM = new URL('./watchdog-thread.js', import.meta.url);

@Injectable()
export class Watchdog {
  private readonly signs = new LoopSigns();
  private timer: NodeJS.Timeout | undefined;
  private restart: NodeJS.Timeout | undefined;
  private thread: Worker | undefined;
  private beatAt = performance.now();
  private trips = 0;
  private killed = 0;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId' | 'dockerHost' | 'containerEngine'>,
    @Inject(InstallIdentity) private readonly identity: Pick<InstallIdentity, 'id'>,
    @Inject(LiveRuns) private readonly live: Pick<LiveRuns, 'stopAll'>,
    private readonly metrics: WorkerMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Watches from now on. Only Docker's containers outlive a blocked loop's say; other engines need no thread. */
  async start(program: URL = THREAD_PROGRAM): Promise<void> {
    const installId = await this.identity.id();
    this.stop();
    this.beatAt = performance.now();
    this.timer = setInterval(() => this.beat(), BEAT_MS);
    const { workerId, dockerHost } = this.config;
    if (this.config.containerEngine === 'docker') this.watch(program, { memory: this.signs.memory, limitMs: BLOCKED_MS, target: { dockerHost, installId, workerId } });
  }

  stop(): void {
    clearInterval(this.timer);
    clearTimeout(this.restart);
    const { thread } = this;
    this.thread = undefined;
    void thread?.terminate();
  }

  private watch(program: URL, workerData: WatchdogTask): void {
    const thread = new Worker(program, { workerData, resourceLimits: THREAD_LIMITS });
    this.thread = thread;
    thread.once('error', (error) => this.logger.error({ err: error }, 'the watchdog has failed'));
    thread.once('exit', () => {
      if (this.thread !== thread) return;
      this.logger.error('the watchdog has ended; it is started again');
      this.restart = setTimeout(() => this.watch(program, workerData), RESTART_MS);
    });
    thread.unref();
  }

  private beat(): void {
    const now = performance.now();
    const gap = now - this.beatAt;
    this.beatAt = now;
    this.metrics.loopLag.observe(Math.max(0, gap - BEAT_MS) / 1000);
    // First: the thread counts a trip before it looks for a beat, so that either it sees this one and kills nothing, or we see its trip.
    this.signs.beat();
    const { trips, killed } = this.signs;
    // By its own clock too: where the whole process was stopped, the thread may wake up after the loop and see it turn.
    if (gap >= BLOCKED_MS || trips !== this.trips) {
      this.live.stopAll({ kind: 'blocked' });
      this.metrics.watchdogTrips.inc();
      this.logger.error({ ms: Math.round(gap), killed: killed - this.killed }, 'the event loop was blocked for so long that tasks may be others’ by now; what ran is given up');
      this.trips = trips;
      this.killed = killed;
    }
  }
}
