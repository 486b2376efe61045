import { describe, expect, test } from '@jest/globals';
import type { PipelineConfig, PipelineManifest, PipelineResources } from '@function-runner/pipeline-schema';
import { demandOf } from './demand-of.js';
import type { ResourceDemand } from './resource-demand.js';

const GIB = 1024 ** 3;
const configured = (target_vram: number, optimizations: string[] = []): PipelineConfig => ({ pipeline_id: 'p:1', container_image: 'p:1', target_vram, optimizations });
const manifest = (resources: Partial<PipelineResources>): PipelineManifest => ({
  id: 'p:1', name: 'p', model_id: 'm', container_image: 'p:1', execution: { command: [], args: [], environment: {} },
  resources: { gpu: false, vram: 0, cpu: 2, memory: '4Gi', ...resources }, mounts: [],
});
const NOTHING: ResourceDemand = { gpus: 0, vramBytes: 0, splittable: false, cpuMillis: 0, memoryBytes: 0 };

describe('demandOf', () => {
  test.each<[string, PipelineConfig, PipelineManifest | undefined, Partial<ResourceDemand>]>([
    ['a configured pipeline with GPU', configured(12), undefined, { gpus: 1, vramBytes: 12 * GIB }],
    ['one that needs part of a GiB: whole bytes, and none too few', configured(0.3), undefined, { gpus: 1, vramBytes: Math.ceil(0.3 * GIB) }],
    ['one that may be spread', configured(48, ['multi_gpu', 'max_quality']), undefined, { gpus: 1, vramBytes: 48 * GIB, splittable: true }],
    ['one without GPU: a modest claim', configured(0, ['multi_gpu']), undefined, { memoryBytes: GIB / 2 }],
    ['a manifest with GPU, whatever is configured', configured(12), manifest({ gpu: true, vram: 20 }), { gpus: 1, vramBytes: 20 * GIB }],
    ['a manifest without GPU, whatever is configured', configured(12), manifest({ cpu: 1.5, memory: '512Mi' }), { cpuMillis: 1500, memoryBytes: GIB / 2 }],
    ['a manifest that names memory of a GPU and wants none', configured(0), manifest({ gpu: false, vram: 20 }), { cpuMillis: 2000, memoryBytes: 4 * GIB }],
    ['a manifest that wants a GPU and no memory of it', configured(0), manifest({ gpu: true }), { cpuMillis: 2000, memoryBytes: 4 * GIB }],
    ['a manifest that wants two GPUs, however little of them', configured(0), manifest({ gpu: true, gpus: 2 }), { gpus: 2 }],
    ['a manifest with several GPUs: they are never split further', configured(48, ['multi_gpu']), manifest({ gpu: true, vram: 24, gpus: 2 }), { gpus: 2, vramBytes: 24 * GIB }],
    ['a manifest that may be spread', configured(0, ['multi_gpu']), manifest({ gpu: true, vram: 48 }), { gpus: 1, vramBytes: 48 * GIB, splittable: true }],
    ['hundredths of a core', configured(0), manifest({ cpu: 0.01 }), { cpuMillis: 10, memoryBytes: 4 * GIB }],
  ])('%s', (_what, config, described, demand) => {
    expect(demandOf(config, described)).toEqual({ ...NOTHING, ...demand });
  });
});
