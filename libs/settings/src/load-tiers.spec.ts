import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DEFAULT_TIERS, QUALITY_TIERS } from '@function-runner/pipeline-schema';
import { TIER_SETTINGS, TiersFileError, loadTiers } from './load-tiers.js';

describe('loadTiers', () => {
  let folder: string;
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'function-runner-settings-')); });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function fileWith(text: string): string {
    const file = join(folder, 'pipelines.json');
    writeFileSync(file, text);
    return file;
  }
  const changed = (limit: unknown): string => JSON.stringify({ tiers: { ...DEFAULT_TIERS, low: { ...DEFAULT_TIERS.low, max_concurrent: limit } } });

  test('gives the defaults without a file', () => {
    expect(loadTiers(undefined, {})).toEqual(DEFAULT_TIERS);
  });

  test('a file replaces the defaults, single values of the environment go over it', () => {
    const file = fileWith(changed(7));
    expect(loadTiers(file, {}).low.max_concurrent).toBe(7);
    const tiers = loadTiers(file, { TIER_LOW_MAX_CONCURRENT: '9', TIER_PREMIUM_TIMEOUT_SECONDS: '11', TIER_HIGH_MAX_CONCURRENT: '' });
    expect([tiers.low.max_concurrent, tiers.low.timeout_seconds, tiers.premium.timeout_seconds, tiers.high.max_concurrent]).toEqual([9, 300, 11, 3]);
    expect(tiers.low.pipelines).toEqual(DEFAULT_TIERS.low.pipelines);
    // The defaults themselves stay as they are.
    expect(DEFAULT_TIERS.low.max_concurrent).toBe(1);
  });

  test('every tier has its two variables', () => {
    expect(Object.keys(TIER_SETTINGS).sort()).toEqual(QUALITY_TIERS.flatMap((tier) => [`TIER_${tier.toUpperCase()}_MAX_CONCURRENT`, `TIER_${tier.toUpperCase()}_TIMEOUT_SECONDS`]).sort());
  });

  test.each(['0', 'many', '10001'])('names the variable and the value %p that is wrong', (value) => {
    expect(() => loadTiers(undefined, { TIER_LOW_MAX_CONCURRENT: value })).toThrow(`TIER_LOW_MAX_CONCURRENT must be a whole number from 1 to 10000, not "${value}"`);
  });

  test.each<[string, () => string, RegExp]>([
    ['a wrong value: file, path and value', () => changed(0), /pipelines\.json is not a valid pipelines file:\ntiers\.low\.max_concurrent: must not be less than 1 \(found 0\)$/],
    ['a wrong type', () => changed('two'), /tiers\.low\.max_concurrent: .*\(found "two"\)/],
    ['no JSON', () => '{"tiers":', /pipelines\.json: cannot be read as JSON .* unset PIPELINES_CONFIG/],
    ['another thing', () => '[]', /pipelines\.json is not a valid pipelines file:\ntiers: must be an object/],
  ])('of a file it names %s', (_what, text, message) => {
    const file = fileWith(text());
    const load = (): unknown => loadTiers(file, {});
    expect(load).toThrow(TiersFileError);
    expect(load).toThrow(message);
    expect(load).toThrow(file);
  });

  test('says where the file is not there', () => {
    expect(() => loadTiers(join(folder, 'nowhere.json'), {})).toThrow(/nowhere\.json: cannot be read/);
  });
});
