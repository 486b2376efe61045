// @ts-check
import { join } from 'node:path';
import { nativeCompiler } from '../setup/build.step.mjs';
import { lastLines, runCommand } from '../setup/command.mjs';
import { SetupError } from '../setup/setup-error.mjs';

/** Only what is simulated, and what it needs. */
const PROJECT = 'libs/scheduling/tsconfig.lib.json';

/** @param {import('../setup/setup-context.mjs').SetupContext} context */
export async function buildScheduling({ env, paths, signal }) {
  const { code, output } = await runCommand(nativeCompiler(paths.root), ['-b', '--pretty', 'false', PROJECT], { cwd: paths.root, env, logFile: join(paths.logs, 'build-scheduling.log'), signal });
  if (code !== 0) throw new SetupError('libs/scheduling does not compile.', 'Correct the errors above.', { detail: lastLines(output, 30) });
  return { detail: 'libs/scheduling' };
}
