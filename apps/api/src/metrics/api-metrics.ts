import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

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

  constructor() {
    collectDefaultMetrics({ register: this.registry });
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
