import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

/** Something of the host, and how much of it is leased: bytes, or thousandths of a core. */
export interface LeasedResource {
  kind: 'gpu' | 'memory' | 'cpu';
  /** Of a GPU. */
  device: string;
  total: number;
  leased: number;
}

/** The worker's figures, Prometheus names in base units; no task ids among the labels. */
@Injectable()
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly reaped = new Counter({ name: 'function_runner_containers_reaped_total', help: 'Containers removed because no attempt owned them.', registers: [this.registry] });
  readonly leasesReclaimed = new Counter({ name: 'function_runner_leases_reclaimed_total', help: 'Leases of dead workers given back, once nothing ran on them.', registers: [this.registry] });
  readonly repairs = new Counter({ name: 'function_runner_repairs_total', help: 'What did not agree and was put right, by kind.', labelNames: ['kind'], registers: [this.registry] });
  readonly warmTaken = new Counter({ name: 'function_runner_serving_taken_total', help: 'Tasks of server-mode pipelines, by whether a warm container took them (hit) or one had to be started (miss).', labelNames: ['outcome'], registers: [this.registry] });
  readonly warmEvicted = new Counter({ name: 'function_runner_warm_evictions_total', help: 'Warm containers ended to make room for another.', registers: [this.registry] });
  readonly watchdogTrips = new Counter({ name: 'function_runner_watchdog_trips_total', help: 'Times that the event loop was blocked, or the process stopped, for so long that what ran was given up.', registers: [this.registry] });
  readonly loopLag = new Histogram({
    name: 'function_runner_event_loop_lag_seconds', help: 'How much later than it should the event loop turned, looked at twice a second.',
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 3.75, 5, 10, 30], registers: [this.registry],
  });

  private readonly running = new Gauge({ name: 'function_runner_attempts_running', help: 'Attempts that this worker runs now.', registers: [this.registry] });
  private readonly attempts = new Counter({ name: 'function_runner_attempts_total', help: 'Attempts ended, by outcome: a terminal state, an error code, put-back or superseded.', labelNames: ['pipeline', 'outcome'], registers: [this.registry] });
  private readonly duration = new Histogram({
    name: 'function_runner_attempt_duration_seconds', help: 'From the claim of an attempt to its end.', labelNames: ['pipeline'],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600], registers: [this.registry],
  });

  private readonly firstProgress = new Histogram({
    name: 'function_runner_first_progress_seconds', help: 'From the submission of a task to the first progress that its pipeline reported, by whether a warm container served it.', labelNames: ['pipeline', 'warm'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800], registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** Shows how many containers are warm whenever somebody looks. */
  observeWarm(count: () => number): void {
    new Gauge({ name: 'function_runner_warm_containers', help: 'Containers that wait for their next task.', registers: [this.registry], collect() { this.set(count()); } });
  }

  /** Shows what of the host is leased, by all its workers, whenever somebody looks. */
  observeLeases(look: () => readonly LeasedResource[]): void {
    const gauges = (what: string, help: string, labelNames: string[], of: LeasedResource['kind'], unit: (amount: number) => number): void => {
      for (const [suffix, amount] of [['total', 'total'], ['leased', 'leased']] as const) {
        new Gauge({
          name: `function_runner_${what.replace('%', suffix)}`, help: `${help}, ${suffix === 'total' ? 'that may be leased' : 'that is leased'}.`, labelNames, registers: [this.registry],
          collect() {
            this.reset();
            for (const resource of look()) if (resource.kind === of) this.set(labelNames.length === 0 ? {} : { device: resource.device }, unit(resource[amount]));
          },
        });
      }
    };
    gauges('gpu_memory_%_bytes', 'Memory of a GPU', ['device'], 'gpu', (bytes) => bytes);
    gauges('host_memory_%_bytes', 'Memory of the host', [], 'memory', (bytes) => bytes);
    gauges('host_cpu_%_cores', 'Cores of the host', [], 'cpu', (millis) => millis / 1000);
  }

  /** A pipeline reported its first progress, this long after its task was submitted. */
  observeFirstProgress(pipeline: string, warm: boolean, milliseconds: number): void {
    this.firstProgress.observe({ pipeline, warm: String(warm) }, milliseconds / 1000);
  }

  /** Counts an attempt from now to its `end`. */
  startRun(pipeline: string): { end: (outcome: string) => void } {
    this.running.inc();
    const stop = this.duration.startTimer({ pipeline });
    return {
      end: (outcome) => {
        stop();
        this.running.dec();
        this.attempts.inc({ pipeline, outcome });
      },
    };
  }
}
