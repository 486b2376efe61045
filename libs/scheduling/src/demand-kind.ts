import type { QualityTier } from '@function-runner/pipeline-schema';
import type { ResourceDemand } from './resource-demand.js';

/** A demand that some waiting tasks have. There is one object for each demand of a line, so that it can stand for it in tables. */
export interface DemandKind {
  readonly key: string;
  readonly demand: ResourceDemand;
  /** How many tasks with it wait. */
  readonly waiting: Record<QualityTier, number>;
}
