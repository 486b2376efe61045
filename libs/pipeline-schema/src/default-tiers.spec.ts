import { expect, test } from '@jest/globals';
import { DEFAULT_TIERS } from './default-tiers.js';

/** The table of protocol §1. */
test.each([
  ['low', 'auteur-flux:1.0-low-vram', 'auteur/flux-low:latest', 12, ['cpu_offloading', 'sequential', 'low_res'], 1, 300],
  ['standard', 'auteur-flux:1.0-standard', 'auteur/flux-standard:latest', 16, ['moderate_parallel', 'standard_res'], 2, 180],
  ['high', 'auteur-flux:1.0-high-fidelity', 'auteur/flux-high:latest', 24, ['full_parallel', 'high_res'], 3, 120],
  ['premium', 'auteur-flux:1.0-premium', 'auteur/flux-premium:latest', 48, ['multi_gpu', 'max_quality'], 4, 90],
] as const)('the tier %s is the protocol’s', (tier, pipeline_id, container_image, target_vram, optimizations, max_concurrent, timeout_seconds) => {
  expect(DEFAULT_TIERS[tier]).toMatchObject({ max_concurrent, timeout_seconds, pipelines: { image_generation: { pipeline_id, container_image, target_vram, optimizations } } });
  expect(DEFAULT_TIERS[tier].pipelines['image_upscale']).toMatchObject({ pipeline_id: `image-upscale:1.0-${tier}`, target_vram: 0 });
});
