import type { PipelineConfig } from './pipeline-config.js';
import type { QualityTier } from './quality-tier.js';
import type { Tiers } from './tiers-config.js';

/** The pipeline that serves a node in a tier and how long it may run, or the node types that the tier does know. */
export type PipelineSelection =
  | { found: true; config: PipelineConfig; timeoutSeconds: number }
  | { found: false; knownNodeTypes: string[] };

/** A tier plus a node type selects a pipeline. */
export function selectPipeline(tiers: Tiers, quality: QualityTier, nodeType: string): PipelineSelection {
  const tier = tiers[quality];
  const config = Object.hasOwn(tier.pipelines, nodeType) ? tier.pipelines[nodeType] : undefined;
  return config === undefined
    ? { found: false, knownNodeTypes: Object.keys(tier.pipelines).sort() }
    : { found: true, config, timeoutSeconds: config.timeout_seconds ?? tier.timeout_seconds };
}
