import { describe, expect, test } from '@jest/globals';
import { describeProblems } from '@function-runner/class-schema';
import { DEFAULT_TIERS } from './default-tiers.js';
import { validateTiers } from './tiers-config.js';

type Loose = Record<string, Record<string, Record<string, Record<string, unknown>>>>;

/** The default file, spoilt by `change`. */
function loosely(change: (tiers: Loose) => void): unknown {
  const plain = structuredClone({ tiers: DEFAULT_TIERS }) as unknown as { tiers: Loose };
  change(plain.tiers);
  return plain;
}

describe('validateTiers', () => {
  test('takes the defaults', () => {
    expect(validateTiers({ tiers: DEFAULT_TIERS })).toEqual({ ok: true, value: DEFAULT_TIERS });
  });

  test.each<[string, unknown, string]>([
    ['no object', 7, 'tiers: must be an object with the tiers low, standard, high, premium'],
    ['no tiers', {}, 'tiers: must be an object with the tiers low, standard, high, premium'],
    ['something beside the tiers', { tiers: DEFAULT_TIERS, teirs: {} }, 'teirs: is not known here; the file holds only "tiers"'],
    ['a missing tier', loosely((tiers) => { delete tiers['high']; }), 'tiers.high: is missing'],
    ['an unknown tier', loosely((tiers) => { tiers['ultra'] = {}; }), 'tiers.ultra: is not a tier; the tiers are low, standard, high, premium'],
    ['a limit out of range', loosely((tiers) => { Object.assign(tiers['low'] ?? {}, { max_concurrent: 0 }); }), 'tiers.low.max_concurrent: must not be less than 1 (found 0)'],
    ['a limit as text', loosely((tiers) => { Object.assign(tiers['low'] ?? {}, { timeout_seconds: '300' }); }), 'tiers.low.timeout_seconds: must be an integer number (found "300")'],
    ['an image that is none', loosely((tiers) => { Object.assign(tiers['low']?.['pipelines']?.['image_upscale'] ?? {}, { container_image: 'Bad Image' }); }), 'tiers.low.pipelines.image_upscale.container_image: must be a container image reference such as auteur/flux-low:latest (found "Bad Image")'],
    ['a typo', loosely((tiers) => { Object.assign(tiers['low']?.['pipelines']?.['image_upscale'] ?? {}, { target_vran: 1 }); }), 'tiers.low.pipelines.image_upscale.target_vran: property target_vran should not exist (found 1)'],
    ['a node type that is none', loosely((tiers) => { Object.assign(tiers['low']?.['pipelines'] ?? {}, { 'a/b': {} }); }), 'tiers.low.pipelines.a/b: is no node type: letters, digits, ".", "_" and "-", at most 64'],
    ['a tier without pipelines', loosely((tiers) => { Object.assign(tiers['low'] ?? {}, { pipelines: {} }); }), 'tiers.low.pipelines: must name a pipeline for at least one node type'],
  ])('names %s', (_what, plain, line) => {
    const checked = validateTiers(plain);
    expect(checked.ok ? '' : describeProblems(checked.problems).split('\n')).toContain(line);
  });

  test('knows the name of a schema beside the tiers', () => {
    expect(validateTiers({ $schema: '../schemas/pipelines-config.schema.json', tiers: DEFAULT_TIERS }).ok).toBe(true);
  });
});
