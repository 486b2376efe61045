import type { QualityTier } from '@function-runner/pipeline-schema';
import type { LearnedDemand } from '@function-runner/task-store';
import type { Durations } from './durations.port.js';

/** Durations that the workers learned from their runs. Owns a copy of those that were asked for last. */
export class LearnedDurations implements Durations {
  private seconds: ReadonlyMap<string, number | undefined> = new Map();

  constructor(private readonly learned: Pick<LearnedDemand, 'readMany'>) {}

  async learn(pairs: readonly { pipelineId: string; tier: QualityTier }[]): Promise<void> {
    const figures = await this.learned.readMany(pairs);
    this.seconds = new Map(pairs.map((pair, index) => [pairKey(pair.pipelineId, pair.tier), figures[index]?.durationP50Seconds]));
  }

  secondsOf(pipelineId: string, tier: QualityTier): number | undefined {
    return this.seconds.get(pairKey(pipelineId, tier));
  }
}

function pairKey(pipelineId: string, tier: QualityTier): string {
  return `${tier} ${pipelineId}`;
}
