// @ts-check
// Builds the image of api, worker and cli (docker/Dockerfile), unless the engine has one of the same content already.
// Its context is staged: what the apps load at run time, and nothing that only builds or tests need.
import { chmodSync, copyFileSync, cpSync, existsSync, lstatSync, lutimesSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { lastLines, runCommand } from './command.mjs';
import { filesBelow, hashFiles } from './content-hash.mjs';
import { npmCommand, npmErrors, npmMend } from './dependencies.step.mjs';
import { tarStream } from './docker-api.mjs';
import { CONTENT_LABEL } from './pipeline-images.step.mjs';
import { Interrupted, messageOf, SetupError } from './setup-error.mjs';

export const APP_IMAGE_REPOSITORY = 'function-runner/app';
const APPS = ['apps/api', 'apps/worker', 'apps/cli'];
const DOCKER_FILES = ['docker/Dockerfile', 'docker/healthcheck.mjs'];
/** Raise it when the staging below changes in a way that its inputs don't show. */
const RECIPE = '1';
/** Every staged file is of this moment: a layer's digest then tells its content, and not when it was built. */
const STAGED_AT = new Date('2000-01-01T00:00:00Z');

/** The engine's words for architectures, in npm's. @type {Record<string, string>} */
const NPM_CPU = { x86_64: 'x64', aarch64: 'arm64' };

/**
 * What a compiled project needs at run time: not what the compiler leaves for itself and for other compilers.
 * @param {string} path
 */
export const isRunTimeFile = (path) => !/\.(d\.ts|d\.ts\.map|tsbuildinfo)$/.test(path);

/**
 * What no program loads of an installed package: half of its bytes. Licences stay, whatever they are called.
 * @param {string} name of a file
 */
export const isDeadWeight = (name) => !/^(licen[cs]e|copying|notice)/i.test(name) && (/\.(map|md|markdown|ts|mts|cts|flow)$/i.test(name) || name === '.package-lock.json');

/** @typedef {{ name: string, version?: string, dependencies?: Record<string, string> }} Manifest */

/** @param {string} file @returns {Manifest} */
const readManifest = (file) => JSON.parse(readFileSync(file, 'utf8'));

/**
 * The folders of all workspaces in the lock, each relative to the checkout. npm insists on all of them.
 * @param {string} root
 * @returns {string[]}
 */
export function workspaceFolders(root) {
  /** @type {{ packages?: Record<string, unknown> }} */
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.keys(lock.packages ?? {}).filter((path) => path !== '' && !path.includes('node_modules/')).sort();
}

/**
 * The apps and the libs that they reach, each relative to the checkout.
 * @param {string} root
 * @returns {string[]}
 */
export function shippedProjects(root) {
  const byName = new Map(workspaceFolders(root).map((folder) => [readManifest(join(root, folder, 'package.json')).name, folder]));
  /** @type {Set<string>} */
  const reached = new Set(APPS);
  for (const folder of reached) {
    for (const name of Object.keys(readManifest(join(root, folder, 'package.json')).dependencies ?? {})) {
      const dependency = byName.get(name);
      if (dependency !== undefined) reached.add(dependency);
    }
  }
  return [...reached].sort();
}

/**
 * Our own files of the image, relative to the checkout.
 * @param {string} root
 * @param {readonly string[]} projects
 * @returns {Promise<string[]>}
 */
async function ownFiles(root, projects) {
  const files = [...DOCKER_FILES, 'package.json'];
  for (const project of projects) {
    if (!existsSync(join(root, project, 'dist'))) throw new SetupError(`${project} is not built: ${project}/dist is missing.`, 'Run: npm run build');
    files.push(`${project}/package.json`);
    for (const folder of ['dist', 'bin'].map((name) => `${project}/${name}`).filter((path) => existsSync(join(root, path)))) {
      for (const file of await filesBelow(join(root, folder))) if (isRunTimeFile(file)) files.push(`${folder}/${file}`);
    }
  }
  return files;
}

/**
 * Installs what the apps depend on, by the lock, for the engine's platform and not for this one.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {string} staged
 * @param {string} cpu
 */
async function installProduction({ env, paths, signal }, staged, cpu) {
  const { root, logs } = paths;
  const workspaces = workspaceFolders(root);
  for (const file of ['package.json', 'package-lock.json', ...workspaces.map((folder) => `${folder}/package.json`)]) {
    mkdirSync(dirname(join(staged, file)), { recursive: true });
    copyFileSync(join(root, file), join(staged, file));
  }
  const { program, first } = npmCommand(env);
  const only = APPS.flatMap((app) => ['-w', app]);
  const { code, output } = await runCommand(
    program,
    // `--prefix`: npm, when it runs us, tells its children of the checkout's own folder.
    [...first, 'ci', '--prefix', staged, ...only, '--include-workspace-root', '--omit=dev', '--ignore-scripts', '--os=linux', `--cpu=${cpu}`, '--libc=glibc', '--prefer-offline', '--no-audit', '--no-fund'],
    { cwd: staged, env, logFile: join(logs, 'npm-ci-app-image.log'), signal },
  );
  if (code !== 0) throw new SetupError(`\`npm ci\` of the app image ended with code ${code}.`, npmMend(output), { detail: npmErrors(output) });
  for (const folder of [...workspaces, 'package-lock.json']) if (!APPS.includes(folder)) rmSync(join(staged, folder), { recursive: true, force: true });
}

/**
 * Takes out what no program loads, and makes modes and times the same on every machine: by the caller's umask the image's
 * user might not be allowed to read.
 * @param {string} folder
 * @param {boolean} installed whether this is inside node_modules
 */
function tidy(folder, installed) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (installed && (entry.name === '.bin' || (entry.isFile() && isDeadWeight(entry.name)))) {
      rmSync(path, { recursive: true });
      continue;
    }
    if (entry.isDirectory()) tidy(path, installed || entry.name === 'node_modules');
    else if (entry.isFile()) chmodSync(path, lstatSync(path).mode & 0o111 ? 0o755 : 0o644);
    lutimesSync(path, STAGED_AT, STAGED_AT);
  }
  chmodSync(folder, 0o755);
}

/**
 * Makes the build context.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {string} staged an empty folder
 * @param {{ files: readonly string[], cpu: string }} content
 */
export async function stageAppImage(context, staged, { files, cpu }) {
  await installProduction(context, staged, cpu);
  for (const file of files) {
    // The engine looks for it at the top.
    const to = join(staged, file === 'docker/Dockerfile' ? 'Dockerfile' : file);
    mkdirSync(dirname(to), { recursive: true });
    cpSync(join(context.paths.root, file), to);
  }
  tidy(staged, false);
}

/**
 * Makes sure of the app image.
 * @param {import('./setup-context.mjs').SetupContext} context
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @param {{ reference: string, id: string }} base
 * @param {(text: string) => void} say
 * @param {{ repository?: string }} [options]
 */
export async function ensureAppImage(context, docker, base, say, { repository = APP_IMAGE_REPOSITORY } = {}) {
  const { paths, signal } = context;
  const { root } = paths;
  const tags = [`${repository}:${readManifest(join(root, 'package.json')).version}`, `${repository}:latest`];
  const { Architecture } = await docker.info();
  const cpu = NPM_CPU[Architecture] ?? Architecture;
  const files = await ownFiles(root, shippedProjects(root));
  const hash = await hashFiles([...files, 'package-lock.json'].map((file) => ({ name: file, path: join(root, file) })), [RECIPE, base.id, cpu]);
  const images = await Promise.all(tags.map((tag) => docker.image(tag)));
  if (images.every((image) => image?.Config?.Labels?.[CONTENT_LABEL] === hash)) return { detail: `${tags.join(', ')}, up to date`, built: false };

  mkdirSync(paths.tmp, { recursive: true });
  const staged = mkdtempSync(join(paths.tmp, 'app-image-'));
  const logFile = join(paths.logs, 'build-image-app.log');
  let output = '';
  try {
    say('installing what the apps need at run time');
    await stageAppImage(context, staged, { files, cpu });
    if (signal.aborted) throw new Interrupted();
    say(`building ${tags.join(', ')}`);
    await docker.build(tarStream(staged), { tags, dockerfile: 'Dockerfile', buildArgs: { BASE_IMAGE: base.reference }, labels: { [CONTENT_LABEL]: hash }, signal, onText: (text) => (output += text) });
  } catch (error) {
    if (signal.aborted || error instanceof SetupError || error instanceof Interrupted) throw error;
    throw new SetupError(`The app image could not be built: ${messageOf(error)}.`, `See ${relative(root, logFile)}; its Dockerfile is docker/Dockerfile, its base ${base.reference}.`, { detail: lastLines(output, 8), cause: error });
  } finally {
    if (output) writeFileSync(logFile, output);
    rmSync(staged, { recursive: true, force: true });
  }
  const now = await Promise.all(tags.map((tag) => docker.image(tag)));
  // The image that had these names is now without one; nobody would ever remove it.
  for (const id of new Set(images.map((image) => image?.Id))) if (id && now.every((image) => image?.Id !== id)) await docker.removeImage(id);
  return { detail: `${tags.join(', ')}, built (${Math.round((now[0]?.Size ?? 0) / 1e6)} MB)`, built: true };
}
