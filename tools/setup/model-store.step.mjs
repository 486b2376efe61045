// @ts-check
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { messageOf, SetupError } from './setup-error.mjs';

/**
 * Creates the workspace and lets the CLI fill the model store; both are left alone where they are complete.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {{ workspaceRoot: string, modelsRoot: string }} roots
 * @param {(text: string) => void} say
 */
export async function ensureModelStore({ env, paths, signal }, { workspaceRoot, modelsRoot }, say) {
  try {
    mkdirSync(workspaceRoot, { recursive: true });
  } catch (error) {
    throw new SetupError(`The workspace ${workspaceRoot} can't be created: ${messageOf(error)}.`, 'Give this user the right to write there, or set WORKSPACE_ROOT to another folder.', { cause: error });
  }
  say(`checking ${modelsRoot}`);
  const { code, output } = await runCommand(process.execPath, [join('apps', 'cli', 'dist', 'main.js'), 'models', 'init'], {
    cwd: paths.root,
    env: { ...env, WORKSPACE_ROOT: workspaceRoot, MODELS_ROOT: modelsRoot },
    logFile: join(paths.logs, 'models-init.log'),
    signal,
  });
  if (code !== 0) throw new SetupError(`The model store ${modelsRoot} could not be set up.`, 'Mend what is said above, or set MODELS_ROOT to another folder.', { detail: lastLines(output) });
  return { detail: modelsRoot };
}
