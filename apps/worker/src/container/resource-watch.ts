import type { ContainerStats } from 'dockerode';
import type { Logger } from '../logging/logger.js';
import { memoryInUse } from './memory-in-use.js';

/** Before the first sample: a pipeline has begun to load what it needs by then, and most live longer. */
const FIRST_SAMPLE_MS = 400;

/** From an answer to the next question. Docker answers a container's second one within a second only when that second is over. */
const SAMPLE_INTERVAL_MS = 1000;

/**
 * Samples a running container's memory and CPU until stopped. Owns one timer; a sample that fails is not made up
 * for, since a container that has just ended answers none.
 */
export class ResourceWatch {
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private peakMemoryBytes: number | undefined;
  private cpuSeconds: number | undefined;

  constructor(
    private readonly sample: () => Promise<ContainerStats>,
    private readonly logger: Logger,
  ) {}

  start(): void {
    this.schedule(FIRST_SAMPLE_MS);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  /** The highest memory and the last CPU time seen. */
  result(): { peakMemoryBytes?: number; cpuSeconds?: number } {
    return {
      ...(this.peakMemoryBytes === undefined ? {} : { peakMemoryBytes: this.peakMemoryBytes }),
      ...(this.cpuSeconds === undefined ? {} : { cpuSeconds: this.cpuSeconds }),
    };
  }

  private schedule(delay: number): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.sample()
        .then((stats) => this.take(stats))
        .catch((error: unknown) => this.logger.debug({ err: error }, 'no sample of a container'))
        .finally(() => this.schedule(SAMPLE_INTERVAL_MS));
    }, delay);
  }

  private take({ memory_stats: memory, cpu_stats: cpu }: ContainerStats): void {
    const { peak } = memoryInUse(memory);
    if (peak > 0) this.peakMemoryBytes = Math.max(this.peakMemoryBytes ?? 0, peak);
    const nanoseconds = cpu?.cpu_usage?.total_usage ?? 0;
    if (nanoseconds > 0) this.cpuSeconds = nanoseconds / 1e9;
  }
}
