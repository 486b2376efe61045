import { IsInt, IsObject, Max, Min } from 'class-validator';
import { validateClass, type Problem, type Validated } from '@function-runner/class-schema';
import { NODE_TYPE } from './grammar.js';
import { PipelineConfig } from './pipeline-config.js';
import { QUALITY_TIERS, type QualityTier } from './quality-tier.js';

/** One tier: its limits, and a pipeline for each node type. */
export class TierConfig {
  /** Tasks of this tier that may run at once, over the whole cluster. */
  @IsInt() @Min(1) @Max(10_000)
  max_concurrent!: number;

  /** Longest run of a task, seconds, where its pipeline says nothing else. */
  @IsInt() @Min(1) @Max(604_800)
  timeout_seconds!: number;

  /** Node type → pipeline; checked entry by entry in {@link validateTiers}. */
  @IsObject()
  pipelines!: Record<string, PipelineConfig>;
}

export type Tiers = Readonly<Record<QualityTier, TierConfig>>;

/** Validates the content of a pipelines file (`{"tiers": {…}}`); every tier must be there. */
export function validateTiers(plain: unknown): Validated<Tiers> {
  const tiers = isRecord(plain) ? plain['tiers'] : undefined;
  if (!isRecord(plain) || !isRecord(tiers)) {
    return { ok: false, problems: [{ path: 'tiers', message: `must be an object with the tiers ${QUALITY_TIERS.join(', ')}` }] };
  }
  const problems: Problem[] = [];
  for (const name of Object.keys(plain)) {
    if (name !== 'tiers' && name !== '$schema') problems.push({ path: name, message: 'is not known here; the file holds only "tiers"' });
  }
  for (const name of Object.keys(tiers)) {
    if (!QUALITY_TIERS.some((tier) => tier === name)) {
      problems.push({ path: `tiers.${name}`, message: `is not a tier; the tiers are ${QUALITY_TIERS.join(', ')}` });
    }
  }
  const value = {} as Record<QualityTier, TierConfig>;
  for (const tier of QUALITY_TIERS) {
    const found = tiers[tier];
    if (found === undefined) {
      problems.push({ path: `tiers.${tier}`, message: 'is missing' });
      continue;
    }
    const shape = validateClass(TierConfig, found);
    if (!shape.ok) {
      problems.push(...shape.problems.map((p) => ({ ...p, path: join(`tiers.${tier}`, p.path) })));
      continue;
    }
    const pipelines: Record<string, PipelineConfig> = {};
    for (const [nodeType, entry] of Object.entries(shape.value.pipelines)) {
      const path = `tiers.${tier}.pipelines.${nodeType}`;
      if (!NODE_TYPE.test(nodeType)) {
        problems.push({ path, message: 'is no node type: letters, digits, ".", "_" and "-", at most 64' });
        continue;
      }
      const pipeline = validateClass(PipelineConfig, entry);
      if (pipeline.ok) pipelines[nodeType] = pipeline.value;
      else problems.push(...pipeline.problems.map((p) => ({ ...p, path: join(path, p.path) })));
    }
    if (Object.keys(shape.value.pipelines).length === 0) {
      problems.push({ path: `tiers.${tier}.pipelines`, message: 'must name a pipeline for at least one node type' });
    }
    value[tier] = { max_concurrent: shape.value.max_concurrent, timeout_seconds: shape.value.timeout_seconds, pipelines };
  }
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function join(parent: string, path: string): string {
  return path === '' ? parent : `${parent}.${path}`;
}
