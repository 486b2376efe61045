// @ts-check
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { hashFolder } from './content-hash.mjs';
import { npmCommand } from './dependencies.step.mjs';
import { SetupError } from './setup-error.mjs';

export const APP_PROJECTS = ['apps/api/tsconfig.lib.json', 'apps/worker/tsconfig.lib.json', 'apps/cli/tsconfig.lib.json'];

/**
 * The native compiler itself. Its node wrapper must not be used for watching: ending the wrapper orphans the compiler,
 * which goes on writing dist.
 * @param {string} root
 */
export function nativeCompiler(root) {
  // Asked from inside the package: npm may have put the binary beside it or below it.
  const from = createRequire(join(root, 'node_modules', 'typescript-7', 'package.json'));
  return join(dirname(from.resolve(`@typescript/typescript-${process.platform}-${process.arch}/package.json`)), 'lib', 'tsc');
}

/** @param {import('./setup-context.mjs').SetupContext} context @param {(text: string) => void} say */
export async function buildApps({ env, paths, signal }, say) {
  const { root } = paths;
  say('compiling api, worker and cli');
  const { code, output } = await runCommand(nativeCompiler(root), ['-b', '--pretty', 'false', ...APP_PROJECTS], { cwd: root, env, logFile: join(paths.logs, 'build.log'), signal });
  if (code !== 0) throw new SetupError('The code does not compile.', 'Correct the errors above; `npm run dev` compiles again at each change.', { detail: lastLines(output, 30) });
  return { detail: 'api, worker, cli' };
}

/**
 * Lies inside `dist`, so that whoever replaces dist takes it away too, and a dist of other inputs is never trusted.
 */
const INPUTS_STAMP = '.function-runner-inputs';

/** @param {string} path */
const isBuildOutput = (path) => /^(dist|node_modules|coverage|out-tsc)(\/|$)|\.tsbuildinfo$/.test(path);

/**
 * Builds what a pipeline's image is made of, when its sources or the dependencies have changed.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {readonly import('./pipeline-images.step.mjs').PipelineSource[]} sources
 * @param {(text: string) => void} say
 */
export async function buildPipelines({ env, paths, signal }, sources, say) {
  const { root } = paths;
  const lock = existsSync(join(root, 'package-lock.json')) ? readFileSync(join(root, 'package-lock.json'), 'utf8') : '';
  const built = [];
  for (const { name, folder, imageFolder } of sources) {
    const hash = await hashFolder(folder, { skip: isBuildOutput, words: [lock, process.versions.modules] });
    const stamp = join(folder, 'dist', INPUTS_STAMP);
    if (existsSync(imageFolder) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) continue;
    say(`building pipelines/${name}`);
    const { program, first } = npmCommand(env);
    const { code, output } = await runCommand(program, [...first, 'run', 'build', '-w', `pipelines/${name}`], { cwd: root, env, logFile: join(paths.logs, `build-${name}.log`), signal });
    if (code !== 0) throw new SetupError(`pipelines/${name} could not be built.`, `Run it alone: npm run build -w pipelines/${name}`, { detail: lastLines(output) });
    if (!existsSync(imageFolder)) throw new SetupError(`The build of pipelines/${name} made no dist/image.`, 'Its build script must leave there what the Dockerfile copies.');
    writeFileSync(stamp, hash);
    built.push(name);
  }
  const names = sources.map(({ name }) => name).join(', ') || 'none';
  return { detail: built.length > 0 ? `${names}, built` : `${names}, up to date` };
}
