import { installPipeline } from '@function-runner/model-store';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { RunnerStack } from '../stack/runner-stack.js';
import { nodeImage, tiersFile } from './puppet-pipelines.js';

/**
 * A stack with one api and one worker that has, beside the puppets, a pipeline of a test's own program in every tier.
 * It takes any parameters: it has no schema.
 */
export async function startProgramStack(nodeType: string, program: string): Promise<RunnerStack> {
  const image = await nodeImage();
  const { tiers } = tiersFile();
  const config = { pipeline_id: `${nodeType}:1.0`, container_image: image, target_vram: 0, optimizations: [] };
  const withProgram = QUALITY_TIERS.map((tier) => [tier, { ...tiers[tier], pipelines: { ...tiers[tier]?.pipelines, [nodeType]: config } }]);
  const stack = await RunnerStack.start({ tiers: { tiers: Object.fromEntries(withProgram) as typeof tiers }, apis: 0, workers: 0 });
  await installPipeline(stack.modelsRoot, 'image', {
    id: config.pipeline_id, name: 'A test’s program', node_types: [nodeType], model_id: 'puppet', container_image: image,
    execution: { protocol: 'stdio', mode: 'job', command: ['node', '-e', program], args: [], environment: {} },
    resources: { gpu: false, vram: 0, cpu: 1, memory: '512Mi' }, mounts: [],
  });
  await Promise.all([stack.addApi(), stack.addWorker()]);
  return stack;
}
