import { installPipeline } from '@function-runner/model-store';
import { DEFAULT_TIERS, QUALITY_TIERS, type PipelineManifest, type TierConfig } from '@function-runner/pipeline-schema';
import { CHAOS_NODE_TYPES, type ChaosNodeType } from './chaos-node-types.js';
import { CHAOS_PROGRAM } from './chaos-program.js';

/** Across the cluster: what two cores can bear. */
const MAX_CONCURRENT = 5;

/** Far beyond the longest work, and what faults may add to it: no run may be ended by its time limit. */
const TIMEOUT_SECONDS = 120;

/** The tiers, with the chaos pipelines in each. */
export function chaosTiers(): { tiers: Record<string, TierConfig> } {
  const pipelines = Object.fromEntries(Object.values(CHAOS_NODE_TYPES).map((nodeType) => [nodeType, { pipeline_id: pipelineId(nodeType), container_image: 'function-runner/unused', target_vram: 0, optimizations: [] }]));
  return { tiers: Object.fromEntries(QUALITY_TIERS.map((tier) => [tier, { ...DEFAULT_TIERS[tier], max_concurrent: MAX_CONCURRENT, timeout_seconds: TIMEOUT_SECONDS, pipelines }])) };
}

/** Puts the chaos pipelines into a model store that has the puppets' model. */
export async function installChaosPipelines(modelsRoot: string, image: string): Promise<void> {
  for (const nodeType of Object.values(CHAOS_NODE_TYPES)) await installPipeline(modelsRoot, 'image', manifest(nodeType, image));
}

function pipelineId(nodeType: ChaosNodeType): string {
  return `${nodeType.replace('_', '-')}:1.0`;
}

function manifest(nodeType: ChaosNodeType, image: string): PipelineManifest {
  const serves = nodeType !== CHAOS_NODE_TYPES.job;
  return {
    id: pipelineId(nodeType),
    name: `Chaos pipeline ${nodeType}`,
    node_types: [nodeType],
    model_id: 'puppet',
    container_image: image,
    execution: {
      protocol: 'stdio', mode: serves ? 'server' : 'job', ...(nodeType === CHAOS_NODE_TYPES.shared ? { shareable: true } : {}),
      command: ['node', '-e', CHAOS_PROGRAM], args: serves ? ['serve'] : [], environment: {}, cancel_grace_seconds: 2,
    },
    resources: { gpu: false, vram: 0, cpu: 0.2, memory: '128Mi' },
    parameters: {
      type: 'object',
      additionalProperties: false,
      properties: { seed: { type: 'string' }, ms: { type: 'integer' }, files: { type: 'integer' }, bytes: { type: 'integer' }, fails: { type: 'boolean' } },
      required: ['seed', 'ms', 'files', 'bytes', 'fails'],
    },
    mounts: [],
  };
}
