import type { ContainerStats } from 'dockerode';
import type { Logger } from '../logging/logger.js';
import type { ContainerUsage } from './container-engine.port.js';
import { memoryInUse } from './memory-in-use.js';

/**
 * Between two questions. Docker answers a container's second question within a second only when that second is over
 * (measured on 20.10: 5 ms, then 1 s each), so asking more often only piles questions up.
 */
const INTERVAL_MS = 1000;

interface Measurement {
  peakMemoryBytes: number | undefined;
  cpuBefore: number | undefined;
  cpuAfter: number | undefined;
}

/**
 * Keeps an eye on a serving container while tasks are measured. Owns one timer and at most one question under way,
 * however many tasks come and go; nobody ever waits for an answer. Between tasks it rests.
 */
export class UsageGauge {
  private readonly measurements = new Set<Measurement>();
  private timer: NodeJS.Timeout | undefined;
  private asking = false;
  private askedAt = Number.NEGATIVE_INFINITY;
  private stopped = false;
  private memoryBytes: number | undefined;
  private cpuSeconds: number | undefined;

  constructor(
    private readonly ask: () => Promise<ContainerStats>,
    private readonly logger: Logger,
  ) {}

  /** Memory as last seen, bytes; undefined before the first answer. */
  get memoryInUse(): number | undefined {
    return this.memoryBytes;
  }

  /** Measures from now on. A task shorter than the next answer is told what was seen last. */
  measure(): { end: () => ContainerUsage } {
    const measurement: Measurement = { peakMemoryBytes: this.memoryBytes, cpuBefore: this.cpuSeconds, cpuAfter: undefined };
    this.measurements.add(measurement);
    this.schedule();
    return {
      end: () => {
        this.measurements.delete(measurement);
        if (this.measurements.size === 0) this.rest();
        const { peakMemoryBytes, cpuBefore, cpuAfter } = measurement;
        return {
          ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
          ...(cpuBefore === undefined || cpuAfter === undefined ? {} : { cpuSeconds: cpuAfter - cpuBefore }),
        };
      },
    };
  }

  /** The container is gone. */
  stop(): void {
    this.stopped = true;
    this.rest();
  }

  private rest(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private schedule(): void {
    if (this.stopped || this.asking || this.timer !== undefined || this.measurements.size === 0) return;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.asking = true;
      this.askedAt = performance.now();
      this.ask()
        .then((stats) => this.take(stats))
        .catch((error: unknown) => this.logger.debug({ err: error }, 'no sample of a container'))
        .finally(() => {
          this.asking = false;
          this.schedule();
        });
    }, Math.max(0, this.askedAt + INTERVAL_MS - performance.now()));
  }

  private take({ memory_stats: memory, cpu_stats: cpu }: ContainerStats): void {
    const { now: memoryBytes } = memoryInUse(memory);
    if (memoryBytes > 0) this.memoryBytes = memoryBytes;
    const nanoseconds = cpu?.cpu_usage?.total_usage ?? 0;
    if (nanoseconds > 0) this.cpuSeconds = nanoseconds / 1e9;
    for (const measurement of this.measurements) {
      if (memoryBytes > 0) measurement.peakMemoryBytes = Math.max(measurement.peakMemoryBytes ?? 0, memoryBytes);
      measurement.cpuBefore ??= this.cpuSeconds;
      measurement.cpuAfter = this.cpuSeconds;
    }
  }
}
