import type { PipelineConfig } from './pipeline-config.js';
import type { TierConfig, Tiers } from './tiers-config.js';

/** The image that holds the reference upscaler; one image, each tier another model. */
const UPSCALE_IMAGE = 'function-runner/image-upscale:1.0';

/**
 * The tiers in force without a pipelines file. `image_generation` names the operator's own images;
 * `image_upscale` is the reference pipeline and runs without a GPU. Its time-outs are longer than the
 * tiers' because a thick model on a CPU takes minutes for a large plate.
 */
export const DEFAULT_TIERS: Tiers = {
  low: tier(1, 300, generation('low', 'low-vram', 12, ['cpu_offloading', 'sequential', 'low_res']), upscale('low', ['esrgan-slim', 'x2'], 900)),
  standard: tier(2, 180, generation('standard', 'standard', 16, ['moderate_parallel', 'standard_res']), upscale('standard', ['esrgan-medium', 'x2'], 1800)),
  high: tier(3, 120, generation('high', 'high-fidelity', 24, ['full_parallel', 'high_res']), upscale('high', ['esrgan-medium', 'x4'], 1800)),
  premium: tier(4, 90, generation('premium', 'premium', 48, ['multi_gpu', 'max_quality']), upscale('premium', ['esrgan-thick', 'x4'], 7200)),
};

function tier(max_concurrent: number, timeout_seconds: number, image_generation: PipelineConfig, image_upscale: PipelineConfig): TierConfig {
  return { max_concurrent, timeout_seconds, pipelines: { image_generation, image_upscale } };
}

function generation(name: string, fidelity: string, target_vram: number, optimizations: string[]): PipelineConfig {
  return { pipeline_id: `auteur-flux:1.0-${fidelity}`, container_image: `auteur/flux-${name}:latest`, target_vram, optimizations };
}

function upscale(name: string, optimizations: string[], timeout_seconds: number): PipelineConfig {
  return { pipeline_id: `image-upscale:1.0-${name}`, container_image: UPSCALE_IMAGE, target_vram: 0, optimizations, timeout_seconds };
}
