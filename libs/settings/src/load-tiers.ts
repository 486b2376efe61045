import { readFileSync } from 'node:fs';
import { describeProblems } from '@function-runner/class-schema';
import { DEFAULT_TIERS, QUALITY_TIERS, validateTiers, type Tiers } from '@function-runner/pipeline-schema';
import { readSettings } from './read-settings.js';
import { setting, type Setting } from './setting.js';

/** `TIER_<TIER>_MAX_CONCURRENT` and `TIER_<TIER>_TIMEOUT_SECONDS`: single values over those of the file. */
export const TIER_SETTINGS: Readonly<Record<string, Setting<number>>> = Object.fromEntries(
  QUALITY_TIERS.flatMap((tier) => {
    const prefix = `TIER_${tier.toUpperCase()}`;
    return [
      setting.integer(`${prefix}_MAX_CONCURRENT`, DEFAULT_TIERS[tier].max_concurrent, { min: 1, max: 10_000 }, `Tasks of the tier \`${tier}\` that may run at once in the whole cluster; over the pipelines file.`),
      setting.integer(`${prefix}_TIMEOUT_SECONDS`, DEFAULT_TIERS[tier].timeout_seconds, { min: 1, max: 604_800 }, `Longest run of a task of the tier \`${tier}\`, seconds, where its pipeline has no own limit; over the pipelines file.`),
    ].map((entry) => [entry.name, entry]);
  }),
);

/** Raised when the pipelines file is wrong; names the file, and place and value of each fault. */
export class TiersFileError extends Error {
  override readonly name = 'TiersFileError';
}

/**
 * The tiers in force: the file (`PIPELINES_CONFIG`, or `config/pipelines.json` where it exists), else the
 * defaults; then single values from the environment.
 * @throws TiersFileError | SettingsError
 */
export function loadTiers(file: string | undefined, environment: Readonly<Record<string, string | undefined>>): Tiers {
  const tiers = file === undefined ? DEFAULT_TIERS : readTiersFile(file);
  const given = Object.fromEntries(Object.entries(TIER_SETTINGS).filter(([name]) => (environment[name] ?? '') !== ''));
  const values: Record<string, unknown> = readSettings(given, environment);
  const override = (name: string, otherwise: number): number => {
    const value = values[name];
    return typeof value === 'number' ? value : otherwise;
  };
  return Object.fromEntries(
    QUALITY_TIERS.map((tier) => {
      const prefix = `TIER_${tier.toUpperCase()}`;
      return [tier, {
        ...tiers[tier],
        max_concurrent: override(`${prefix}_MAX_CONCURRENT`, tiers[tier].max_concurrent),
        timeout_seconds: override(`${prefix}_TIMEOUT_SECONDS`, tiers[tier].timeout_seconds),
      }];
    }),
  ) as unknown as Tiers;
}

function readTiersFile(file: string): Tiers {
  let plain: unknown;
  try {
    plain = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new TiersFileError(`${file}: cannot be read as JSON (${(error as Error).message}); mend the file, or unset PIPELINES_CONFIG to run on the defaults`);
  }
  const checked = validateTiers(plain);
  if (!checked.ok) throw new TiersFileError(`${file} is not a valid pipelines file:\n${describeProblems(checked.problems)}`);
  return checked.value;
}
