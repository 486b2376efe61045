import { Controller, Get, Inject } from '@nestjs/common';
import { readModels } from '@function-runner/model-store';
import { QUALITY_TIERS, type PipelineConfig, type QualityTier } from '@function-runner/pipeline-schema';
import { queueName } from '@function-runner/task-contract';
import { API_CONFIG, type ApiConfig } from '../config/read-config.js';
import { PipelineCatalog } from '../dispatch/pipeline-catalog.js';

/** A pipeline that a tier runs for a node type. */
export interface PipelineEntry {
  tier: QualityTier;
  nodeType: string;
  pipelineId: string;
  containerImage: string;
  /** GiB; 0 means no GPU. */
  targetVram: number;
  optimizations: string[];
  timeoutSeconds: number;
  /** Of the whole tier. */
  maxConcurrent: number;
  queue: string;
  /** Whether the model store holds a pipeline.json of this id; without one the defaults say how to run it. */
  described: boolean;
  /** JSON Schema of the node's parameters, where one is known. */
  parameters?: Record<string, unknown>;
}

/** A version of a model in the store. */
export interface ModelEntry {
  id: string;
  name: string;
  version: string;
  type: string;
  license?: string;
  current: boolean;
  bytes: number;
}

/** What this installation can run. */
@Controller('v1')
export class CatalogController {
  constructor(
    private readonly catalog: PipelineCatalog,
    @Inject(API_CONFIG) private readonly config: ApiConfig,
  ) {}

  @Get('pipelines')
  pipelines(): { pipelines: PipelineEntry[] } {
    const { tiers } = this.config;
    return {
      pipelines: QUALITY_TIERS.flatMap((tier) =>
        Object.entries(tiers[tier].pipelines).map(([nodeType, pipeline]) => this.describe(tier, nodeType, pipeline)),
      ),
    };
  }

  /** What is damaged is named beside the models, not in their place. */
  @Get('models')
  async models(): Promise<{ models: ModelEntry[]; faults?: readonly string[] }> {
    const { models, faults } = await readModels(this.config.modelsRoot);
    return {
      ...(faults.length === 0 ? {} : { faults }),
      models: models.map(({ manifest: { id, name, version, type, license, files }, current }) => ({
        id, name, version, type, ...(license === undefined ? {} : { license }), current, bytes: files.reduce((sum, { size }) => sum + size, 0),
      })),
    };
  }

  private describe(tier: QualityTier, nodeType: string, pipeline: PipelineConfig): PipelineEntry {
    const { max_concurrent, timeout_seconds } = this.config.tiers[tier];
    const manifest = this.catalog.describe(pipeline.pipeline_id);
    return {
      tier, nodeType, pipelineId: pipeline.pipeline_id, containerImage: manifest?.container_image ?? pipeline.container_image,
      targetVram: pipeline.target_vram, optimizations: pipeline.optimizations, timeoutSeconds: pipeline.timeout_seconds ?? timeout_seconds,
      maxConcurrent: max_concurrent, queue: queueName(tier), described: manifest !== undefined,
      ...(manifest?.parameters === undefined ? {} : { parameters: manifest.parameters }),
    };
  }
}
