/**
 * How many tasks wait in each tier's queue, for requests that must not each ask Redis for it.
 *
 * Owns what was read last, and counts what this process has added since. Must stay true: what is told is at most
 * {@link FRESH_MS} older than Redis's answer; of several who ask at once one asks Redis. In that time workers may have
 * taken a few: a place that is told is never better than it is.
 */
import type { QualityTier } from '@function-runner/pipeline-schema';
import type { TaskPriority } from '@function-runner/task-contract';
import type { QueueDepth } from './queue-depth.js';

/** Nobody sees a queue move in so short a time; under load it saves a trip of nearly every request. */
const FRESH_MS = 20;

interface Reading {
  depth: Promise<QueueDepth>;
  /** When Redis was asked, milliseconds of the monotonic clock. */
  askedAt: number;
  added: Record<TaskPriority, number>;
}

export class DepthGauge {
  private readonly readings = new Map<QualityTier, Reading>();

  constructor(
    private readonly read: (tier: QualityTier) => Promise<QueueDepth>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  async depth(tier: QualityTier): Promise<QueueDepth> {
    const reading = this.readingOf(tier);
    const { high, normal, low } = await reading.depth;
    const { added } = reading;
    return { high: high + added.high, normal: normal + added.normal, low: low + added.low };
  }

  /** A task has been added by this process. */
  count(tier: QualityTier, priority: TaskPriority): void {
    const reading = this.readings.get(tier);
    if (reading !== undefined) reading.added[priority] += 1;
  }

  private readingOf(tier: QualityTier): Reading {
    const now = this.now();
    const known = this.readings.get(tier);
    if (known !== undefined && now - known.askedAt < FRESH_MS) return known;
    const reading: Reading = { depth: this.read(tier), askedAt: now, added: { high: 0, normal: 0, low: 0 } };
    this.readings.set(tier, reading);
    // What could not be read is asked again by the next one.
    reading.depth.catch(() => {
      if (this.readings.get(tier) === reading) this.readings.delete(tier);
    });
    return reading;
  }
}
