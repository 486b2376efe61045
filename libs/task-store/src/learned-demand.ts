/**
 * What runs of a pipeline version in a tier have used, learned from its last runs on any worker.
 *
 * Owns the keys `demand:{pipeline:tier}` (list: samples as JSON, newest first). Must stay true: a list never holds more
 * than {@link SAMPLES_KEPT} and ends {@link KEPT_MS} after its last sample, since both are set in the step that adds one.
 * They are estimates: a sample that is lost, or noted twice after a lost answer, does no harm.
 */
import type { Redis } from 'ioredis';
import type { QualityTier } from '@function-runner/pipeline-schema';
import { keys } from '@function-runner/progress-protocol';
import { figuresOf, type DemandSample, type LearnedFigures } from './learned-demand-figures.js';

/** Enough for a 95th percentile that is not just the highest, and few enough to follow when a pipeline's inputs grow. */
const SAMPLES_KEPT = 64;

/** A pipeline version that nobody has run for a month is hardly in use any more. */
const KEPT_MS = 30 * 86_400_000;

/** A pipeline version in a tier. */
export interface DemandPair {
  pipelineId: string;
  tier: QualityTier;
}

/** A run's sample, and what it was a run of. */
export interface DemandEntry extends DemandPair {
  sample: DemandSample;
}

export class LearnedDemand {
  constructor(private readonly redis: Redis) {}

  async record(pipelineId: string, tier: QualityTier, sample: DemandSample): Promise<void> {
    await this.recordMany([{ pipelineId, tier, sample }]);
  }

  /** Adds samples, the oldest first, in one round trip. @throws what Redis answered first where some could not be added. */
  async recordMany(entries: readonly DemandEntry[]): Promise<void> {
    const lists = new Map<string, string[]>();
    for (const { pipelineId, tier, sample } of entries) {
      const key = keys.demand(pipelineId, tier);
      const texts = lists.get(key) ?? [];
      texts.push(JSON.stringify(sample));
      lists.set(key, texts);
    }
    // One transaction a list, all sent at once: several lists are several slots of a Redis cluster.
    await Promise.all([...lists].map(([key, texts]) => this.push(key, texts)));
  }

  /** What the last runs have used; undefined where none is known. */
  async read(pipelineId: string, tier: QualityTier): Promise<LearnedFigures | undefined> {
    const texts = await this.redis.lrange(keys.demand(pipelineId, tier), 0, SAMPLES_KEPT - 1);
    return figuresOf(texts.map((text) => JSON.parse(text) as DemandSample));
  }

  /** The same of several, in the order asked for, in one round trip. */
  async readMany(pairs: readonly DemandPair[]): Promise<(LearnedFigures | undefined)[]> {
    return Promise.all(pairs.map(({ pipelineId, tier }) => this.read(pipelineId, tier)));
  }

  private async push(key: string, texts: readonly string[]): Promise<void> {
    const replies = await this.redis
      .multi()
      .lpush(key, ...texts.slice(-SAMPLES_KEPT))
      .ltrim(key, 0, SAMPLES_KEPT - 1)
      .pexpire(key, KEPT_MS)
      .exec();
    // A transaction whose commands failed one by one settles all the same.
    for (const [error] of replies ?? []) if (error !== null) throw error;
  }
}
