/** A project's quality tier, cheapest first; it chooses the pipeline, the queue and the limits. */
export const QUALITY_TIERS = ['low', 'standard', 'high', 'premium'] as const;
export type QualityTier = (typeof QUALITY_TIERS)[number];

/** Used when a project names no tier, or one that does not exist. */
export const DEFAULT_TIER: QualityTier = 'standard';

/** The tier that a project's `quality` names, without regard to case; `known` is false where the default stood in. */
export function parseQualityTier(quality: string | null | undefined): { tier: QualityTier; known: boolean } {
  const wanted = quality?.trim().toLowerCase();
  const tier = QUALITY_TIERS.find((candidate) => candidate === wanted);
  return tier === undefined ? { tier: DEFAULT_TIER, known: false } : { tier, known: true };
}
