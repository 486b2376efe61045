import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { noneWaiting, type WaitingCounts } from '../waiting/waiting-counts.js';

/** From well below the aim (15 ms at one in flight) to the time-out of a request to Redis, seconds. */
const LATENCY_BUCKETS_S = [0.001, 0.002, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** What this process counts. Base units; no ids among the labels, or the series would never end. */
export class ApiMetrics {
  readonly registry = new Registry();

  readonly requests = new Counter({
    name: 'function_runner_requests_total', help: 'Requests by name (a Socket.IO event or a REST route) and outcome: ok or an error code.',
    labelNames: ['name', 'outcome'] as const, registers: [this.registry],
  });

  readonly acknowledgement = new Histogram({
    name: 'function_runner_acknowledgement_seconds', help: 'From the arrival of a start_generation to its answer.',
    buckets: LATENCY_BUCKETS_S, registers: [this.registry],
  });

  readonly eventsForwarded = new Counter({
    name: 'function_runner_events_forwarded_total', help: 'Task events sent on to clients, by name.',
    labelNames: ['name'] as const, registers: [this.registry],
  });

  readonly gapFills = new Counter({
    name: 'function_runner_event_log_reads_total', help: 'Reads of event logs for events that pub/sub had missed.', registers: [this.registry],
  });

  readonly queueEvents = new Counter({
    name: 'function_runner_queue_events_total', help: 'Events that told waiting tasks where they stand.', registers: [this.registry],
  });

  readonly repairs = new Counter({
    name: 'function_runner_repairs_total', help: 'What did not agree between records, queues and the list of open tasks, and was repaired, by kind.',
    labelNames: ['kind'] as const, registers: [this.registry],
  });

  private readonly waitingTasks = new Gauge({
    name: 'function_runner_waiting_tasks', help: 'Tasks that wait, by tier and reason, where this process is the one that tells them so; else 0.',
    labelNames: ['tier', 'reason'] as const, registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.showWaiting(noneWaiting());
  }

  /** Shows how many tasks wait for what. */
  showWaiting(counts: WaitingCounts): void {
    for (const tier of QUALITY_TIERS) {
      for (const [reason, count] of Object.entries(counts[tier])) this.waitingTasks.set({ tier, reason }, count);
    }
  }

  /** A gauge whose value is asked for when it is read. */
  watch(name: string, help: string, read: () => number): void {
    new Gauge({
      name, help, registers: [this.registry],
      collect() {
        this.set(read());
      },
    });
  }
}
