// @ts-check
import { join } from 'node:path';
import { nativeCompiler } from '../setup/build.step.mjs';
import { lastLines, runCommand } from '../setup/command.mjs';
import { SetupError } from '../setup/setup-error.mjs';

/** The chaos driver is part of the end-to-end tests, and so is what it stands on. */
const PROJECT = 'apps/e2e';

/** @param {import('../setup/setup-context.mjs').SetupContext} context */
export async function buildChaos({ env, paths, signal }) {
  const { code, output } = await runCommand(nativeCompiler(paths.root), ['-b', '--pretty', 'false', PROJECT], { cwd: paths.root, env, logFile: join(paths.logs, 'build-chaos.log'), signal });
  if (code !== 0) throw new SetupError(`${PROJECT} does not compile.`, 'Correct the errors above.', { detail: lastLines(output, 30) });
  return { detail: PROJECT };
}
