import { join, resolve } from 'node:path';
import { readSettings, setting } from '@function-runner/settings';

/** The environment that the CLI reads. */
export const CLI_SETTINGS = {
  workspaceRoot: setting.text('WORKSPACE_ROOT', './workspace', 'Folder that holds the projects and, unless MODELS_ROOT says otherwise, the model store.'),
  modelsRoot: setting.optionalText('MODELS_ROOT', 'Root of the model store; unset, it is `Library/AI_Models` in the workspace.'),
};

/** Where the CLI works. */
export interface CliSettings {
  /** Absolute root of the model store. */
  modelsRoot: string;
}

/** @throws SettingsError naming each wrong variable. */
export function readCliSettings(environment: Readonly<Record<string, string | undefined>> = process.env, workingFolder = process.cwd()): CliSettings {
  const { workspaceRoot, modelsRoot } = readSettings(CLI_SETTINGS, environment);
  return { modelsRoot: resolve(workingFolder, modelsRoot ?? join(workspaceRoot, 'Library', 'AI_Models')) };
}
