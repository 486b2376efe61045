import type { QualityTier } from '@function-runner/pipeline-schema';

/** How long tasks take, as far as anybody has measured it. */
export interface Durations {
  /** Makes sure that {@link Durations.secondsOf} knows these as well as they are known. @throws what Redis answers */
  learn(pairs: readonly { pipelineId: string; tier: QualityTier }[]): Promise<void>;
  /** How long a run of the pipeline in the tier takes, seconds; undefined where none was measured. */
  secondsOf(pipelineId: string, tier: QualityTier): number | undefined;
}
