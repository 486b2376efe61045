import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadTiers, readSettings, SettingsError, type SettingValues } from '@function-runner/settings';
import type { Tiers } from '@function-runner/pipeline-schema';
import { API_SETTINGS } from './api-settings.js';
import { isLoopback } from './loopback.js';

/** Everything that the api process is told from outside; nothing else reads the environment. */
export type ApiConfig = Omit<SettingValues<typeof API_SETTINGS>, 'modelsRoot'> & {
  readonly tiers: Tiers;
  /** Absolute folder of the model store; it need not exist. */
  readonly modelsRoot: string;
};

/** Injection token of {@link ApiConfig}. */
export const API_CONFIG = Symbol('ApiConfig');

const DEFAULT_PIPELINES_FILE = 'config/pipelines.json';

/**
 * Reads the environment and the pipelines file.
 * @throws SettingsError | TiersFileError naming variable or file, value, and what would be right.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): ApiConfig {
  const settings = readSettings(API_SETTINGS, environment);
  if (settings.authMode === 'none' && !isLoopback(settings.host)) {
    throw new SettingsError([{
      path: 'HOST', value: settings.host,
      message: 'must be a loopback address while AUTH_MODE is none: everybody who reaches the port could start tasks and read their results',
    }]);
  }
  const file = settings.pipelinesFile ?? (existsSync(DEFAULT_PIPELINES_FILE) ? DEFAULT_PIPELINES_FILE : undefined);
  return {
    ...settings,
    tiers: loadTiers(file, environment),
    modelsRoot: resolve(settings.modelsRoot ?? join(settings.workspaceRoot, 'Library', 'AI_Models')),
  };
}
