import { existsSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { v4 as uuid } from 'uuid';
import type { Tiers } from '@function-runner/pipeline-schema';
import { loadTiers, readSettings, SettingsError, type SettingValues } from '@function-runner/settings';
import { WORKER_SETTINGS } from './worker-settings.js';

/** The worker's settings, paths made absolute, with its tiers and its own name. */
export type WorkerConfig = Omit<SettingValues<typeof WORKER_SETTINGS>, 'workspaceRoot' | 'modelsRoot' | 'pipelinesConfig'> & {
  readonly workspaceRoot: string;
  readonly modelsRoot: string;
  readonly tiers: Tiers;
  /** Names this process among all workers; new at each start. */
  readonly workerId: string;
};

/** Injection token of {@link WorkerConfig}. */
export const WORKER_CONFIG = Symbol('WorkerConfig');

/** Reads the worker's configuration. @throws SettingsError | TiersFileError naming what is wrong and what would be right. */
export function loadWorkerConfig(environment: NodeJS.ProcessEnv = process.env): WorkerConfig {
  const settings = readSettings(WORKER_SETTINGS, environment);
  const pinned = Object.values(settings.warmMinimum).reduce((sum, count) => sum + count, 0);
  if (pinned > settings.warmContainers) {
    throw new SettingsError([{ path: WORKER_SETTINGS.warmMinimum.name, message: `must keep at most as many containers as ${WORKER_SETTINGS.warmContainers.name}, ${settings.warmContainers}, not ${pinned} in all` }]);
  }
  const workspaceRoot = resolve(settings.workspaceRoot);
  const tiersFile = settings.pipelinesConfig ?? (existsSync('config/pipelines.json') ? 'config/pipelines.json' : undefined);
  return {
    ...settings,
    workspaceRoot,
    modelsRoot: resolve(settings.modelsRoot ?? join(workspaceRoot, 'Library', 'AI_Models')),
    tiers: loadTiers(tiersFile, environment),
    workerId: `${hostname()}-${process.pid}-${uuid().slice(0, 8)}`,
  };
}
