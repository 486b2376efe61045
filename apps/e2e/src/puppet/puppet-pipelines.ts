import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { installModel, installPipeline } from '@function-runner/model-store';
import { DEFAULT_TIERS, QUALITY_TIERS, type PipelineConfig, type PipelineManifest, type QualityTier, type TierConfig } from '@function-runner/pipeline-schema';
import { PUPPET_PROGRAM } from './puppet-program.js';

/** What a test may ask of a puppet run. */
export interface PuppetParameters {
  /** Progress lines that it prints first; 3 unless told. */
  steps?: number;
  /** File of the project that it waits for before it goes on. */
  gate?: string;
  /** Lines for its stderr. */
  log?: string[];
  ignore_term?: boolean;
  /** Memory that it fills. */
  memory_mib?: number;
  /** Ends with this code instead of making its output. */
  exit_code?: number;
  output?: boolean;
}

/** Node types of the test pipelines: each another trait of the same program. */
export const PUPPET = {
  plain: 'puppet',
  /** May run for two seconds only. */
  hurried: 'puppet_hurried',
  /** Has 96 MiB of memory. */
  tight: 'puppet_tight',
  /** Its image is on no host. */
  absent: 'puppet_absent',
  /** Stops at once when told to, or never: a grace of 30 s. */
  patient: 'puppet_patient',
} as const;

/** Node types of test pipelines that need GPUs, by how much of how many. */
export const GPU_PUPPET = {
  puppet_gpu12: { vram: 12, gpus: 1 },
  puppet_gpu16: { vram: 16, gpus: 1 },
  puppet_gpu24: { vram: 24, gpus: 1 },
  puppet_gpu48: { vram: 48, gpus: 1 },
  /** Two devices at once. */
  puppet_gpu2x20: { vram: 20, gpus: 2 },
} as const;

export type GpuNodeType = keyof typeof GPU_PUPPET;

const ABSENT_IMAGE = 'function-runner/no-such-image:1.0';

/** Repository of the base image that the set-up makes where there is no registry. */
const BASE_REPOSITORY = 'function-runner/node-base';

/**
 * An image with node: the one that `npm test` names, else the newest that a set-up made on this host.
 * @throws Error saying what to run where there is none
 */
export async function nodeImage(): Promise<string> {
  const named = process.env['FUNCTION_RUNNER_TEST_BASE_IMAGE'];
  if (named !== undefined && named !== '') return named;
  const images = await new Docker().listImages({ filters: { reference: [BASE_REPOSITORY] } });
  const newest = images.sort((a, b) => b.Created - a.Created)[0]?.RepoTags?.[0];
  if (newest === undefined) throw new Error(`no image ${BASE_REPOSITORY} on this host; run npm test, which makes it, or set FUNCTION_RUNNER_TEST_BASE_IMAGE to an image that has node`);
  return newest;
}

/** Puts the test pipelines, and the small model that they name, into a model store. */
export async function installPuppets(modelsRoot: string): Promise<void> {
  const image = await nodeImage();
  const folder = await mkdtemp(join(tmpdir(), 'function-runner-puppet-'));
  try {
    await writeFile(join(folder, 'strings.txt'), 'two hands, one cross of wood\n');
    const files = [{ from: join(folder, 'strings.txt'), name: 'strings.txt' }];
    await installModel(modelsRoot, { id: 'puppet', name: 'Puppet', version: '1.0.0', type: 'image', license: 'CC0-1.0', requirements: { vram: 0, disk_space: 0 } }, files);
    for (const trait of Object.values(PUPPET)) await installPipeline(modelsRoot, 'image', manifest(trait, image));
    for (const [nodeType, { vram, gpus }] of Object.entries(GPU_PUPPET)) {
      const plain = manifest(nodeType, image);
      await installPipeline(modelsRoot, 'image', { ...plain, resources: { ...plain.resources, gpu: true, vram, gpus } });
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The default tiers, with the test pipelines in each, and what a test wants else. */
export function tiersFile(limits: Partial<Record<QualityTier, Partial<Pick<TierConfig, 'max_concurrent' | 'timeout_seconds'>>>> = {}): { tiers: Record<string, TierConfig> } {
  const puppets = Object.fromEntries([...Object.values(PUPPET), ...Object.keys(GPU_PUPPET)].map((trait) => [trait, puppetConfig(trait)]));
  return {
    tiers: Object.fromEntries(QUALITY_TIERS.map((tier) => [tier, { ...DEFAULT_TIERS[tier], ...limits[tier], pipelines: { ...DEFAULT_TIERS[tier].pipelines, ...puppets } }])),
  };
}

function puppetConfig(trait: string): PipelineConfig {
  return {
    pipeline_id: pipelineId(trait), container_image: trait === PUPPET.absent ? ABSENT_IMAGE : BASE_REPOSITORY, target_vram: 0, optimizations: [],
    ...(trait === PUPPET.hurried ? { timeout_seconds: 2 } : {}),
  };
}

function pipelineId(trait: string): string {
  return `${trait.replace('_', '-')}:1.0`;
}

function manifest(trait: string, image: string): PipelineManifest {
  return {
    id: pipelineId(trait),
    name: `Test pipeline ${trait}`,
    node_types: [trait],
    model_id: 'puppet',
    container_image: trait === PUPPET.absent ? ABSENT_IMAGE : image,
    execution: { protocol: 'stdio', mode: 'job', command: ['node', '-e', PUPPET_PROGRAM], args: [], environment: {}, cancel_grace_seconds: trait === PUPPET.patient ? 30 : 1 },
    resources: { gpu: false, vram: 0, cpu: 1, memory: trait === PUPPET.tight ? '96Mi' : '512Mi' },
    parameters: {
      type: 'object',
      additionalProperties: false,
      properties: {
        steps: { type: 'integer', minimum: 0, maximum: 1000 },
        gate: { type: 'string', pattern: '^[A-Za-z0-9-]+$' },
        log: { type: 'array', items: { type: 'string' } },
        ignore_term: { type: 'boolean' },
        memory_mib: { type: 'integer' },
        exit_code: { type: 'integer' },
        output: { type: 'boolean' },
      },
    },
    mounts: [],
  };
}
