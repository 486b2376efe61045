import { describe, expect, test } from '@jest/globals';
import { DEFAULT_TIERS } from './default-tiers.js';
import { QUALITY_TIERS } from './quality-tier.js';
import { selectPipeline } from './select-pipeline.js';

describe('selectPipeline', () => {
  test.each([['low', 'auteur-flux:1.0-low-vram', 300], ['standard', 'auteur-flux:1.0-standard', 180], ['high', 'auteur-flux:1.0-high-fidelity', 120], ['premium', 'auteur-flux:1.0-premium', 90]] as const)(
    '%s generates with %s for at most %i s', (tier, id, timeout) => {
      expect(selectPipeline(DEFAULT_TIERS, tier, 'image_generation')).toMatchObject({ found: true, config: { pipeline_id: id }, timeoutSeconds: timeout });
    },
  );

  test('a pipeline’s own limit goes before its tier’s', () => {
    expect(selectPipeline(DEFAULT_TIERS, 'low', 'image_upscale')).toMatchObject({ found: true, timeoutSeconds: 900 });
  });

  test.each(QUALITY_TIERS)('%s names the node types it knows to one it does not', (tier) => {
    for (const nodeType of ['video', '', 'constructor', '__proto__', 'toString']) {
      expect(selectPipeline(DEFAULT_TIERS, tier, nodeType)).toEqual({ found: false, knownNodeTypes: ['image_generation', 'image_upscale'] });
    }
  });
});
