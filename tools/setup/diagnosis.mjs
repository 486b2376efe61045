// @ts-check
// The lines of `npm run doctor`: each looks at one thing, changes nothing, and knows the mend.
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { hostBase, DEFAULT_BASE_IMAGE, HOST_BASE_REPOSITORY } from './base-image.step.mjs';
import { findProgram, runCommand } from './command.mjs';
import { planEngine, engineState } from './container-engine.step.mjs';
import { dependencyState, nodeIsNewEnough, OLDEST_NODE } from './dependencies.step.mjs';
import { dockerApi, dockerTarget } from './docker-api.mjs';
import { tryPort } from './free-port.mjs';
import { planInstall } from './install.plan.mjs';
import { hashFolder } from './content-hash.mjs';
import { CONTENT_LABEL, pipelineSources } from './pipeline-images.step.mjs';
import { findRecorded } from './process-record.mjs';
import { examineRedis, withoutPassword } from './redis-server.step.mjs';
import { storageRoots } from './runner-paths.mjs';
import { messageOf, SetupError } from './setup-error.mjs';
import { thisHost } from './system-package.mjs';

/**
 * `warn`: it works without, or `npm start` mends it; `fail`: `npm start` can't go on.
 * @typedef {{ name: string, mark: 'ok' | 'warn' | 'fail', detail: string, mend?: string }} Finding
 * @typedef {Readonly<Record<string, string | undefined>>} Env
 * @typedef {import('./runner-paths.mjs').RunnerPaths} RunnerPaths
 */

const BY_START = '`npm start` does it.';

/** @returns {Finding} */
export function diagnoseNode(version = process.versions.node) {
  if (!nodeIsNewEnough(version)) return { name: 'Node', mark: 'fail', detail: version, mend: `Install Node 22 or 24; ${OLDEST_NODE.join('.')} is the oldest that works.` };
  if (version.startsWith('20.')) return { name: 'Node', mark: 'warn', detail: `${version}, past its end of life`, mend: 'Install Node 22 or 24.' };
  return { name: 'Node', mark: 'ok', detail: version };
}

/** @param {RunnerPaths} paths @returns {Finding} */
function diagnoseDependencies({ root }) {
  const name = 'npm packages';
  switch (dependencyState(root)) {
    case 'current':
    case 'unstamped':
      return { name, mark: 'ok', detail: 'as the lock says' };
    case 'no-lock':
      return { name, mark: 'fail', detail: 'package-lock.json is missing', mend: 'git checkout package-lock.json' };
    case 'missing':
      return { name, mark: 'warn', detail: 'not installed', mend: BY_START };
    case 'outdated':
      return { name, mark: 'warn', detail: 'not as the lock says', mend: BY_START };
  }
}

/** @param {Env} env @returns {Promise<Finding>} */
async function diagnoseRedis(env) {
  const name = 'Redis';
  if (env.REDIS_URL) {
    try {
      const { version, aof, problem } = await examineRedis(env, env.REDIS_URL);
      if (problem) return { name, mark: 'fail', detail: problem.message, mend: problem.mend };
      const at = `${version} at ${withoutPassword(env.REDIS_URL)}`;
      return aof ? { name, mark: 'ok', detail: at } : { name, mark: 'warn', detail: `${at}, no AOF`, mend: 'Turn appendonly on: a restart of it loses tasks.' };
    } catch (error) {
      const mend = error instanceof SetupError ? error.mend : 'Start it, or correct or leave out REDIS_URL.';
      return { name, mark: 'fail', detail: `REDIS_URL: ${messageOf(error)}`, mend };
    }
  }
  const program = findProgram('redis-server', env);
  if (program) {
    const { output } = await runCommand(program, ['--version']);
    return { name, mark: 'ok', detail: `${/v=(\S+)/.exec(output)?.[1] ?? '?'}, ${program}` };
  }
  const plan = planInstall('redis-server', thisHost(env));
  return plan.kind === 'install' ? { name, mark: 'warn', detail: 'redis-server is not installed', mend: BY_START } : { name, mark: 'fail', detail: plan.why, mend: plan.mend };
}

/** @param {Env} env @returns {Promise<{ finding: Finding, docker?: import('./docker-api.mjs').DockerApi }>} */
async function diagnoseEngine(env) {
  const name = 'Container engine';
  if (env.CONTAINER_ENGINE === 'process') return { finding: { name, mark: 'warn', detail: 'CONTAINER_ENGINE=process: nothing is isolated', mend: 'Leave CONTAINER_ENGINE out.' } };
  if (env.CONTAINER_ENGINE && env.CONTAINER_ENGINE !== 'docker') return { finding: { name, mark: 'ok', detail: `CONTAINER_ENGINE=${env.CONTAINER_ENGINE}` } };
  try {
    const { target, dockerHost, given } = dockerTarget(env);
    const docker = dockerApi(target);
    const state = await engineState(docker);
    if (state === 'answers') {
      const { ServerVersion, CgroupVersion } = await docker.info();
      return { finding: { name, mark: 'ok', detail: `Docker ${ServerVersion}, cgroup v${CgroupVersion ?? '1'}, ${dockerHost}` }, docker };
    }
    const install = planInstall('dockerd', thisHost(env));
    const plan = planEngine({ given, explicit: Boolean(env.CONTAINER_ENGINE), ...thisHost(env), local: process.platform === 'linux', accessDenied: state === 'denied', dockerd: findProgram('dockerd', env), systemd: existsSync('/run/systemd/system'), install });
    if (plan.kind === 'start') return { finding: { name, mark: 'warn', detail: 'the Docker engine does not run', mend: '`npm start` starts it and stops it at its end.' } };
    if (plan.kind === 'install') return { finding: { name, mark: 'warn', detail: 'no Docker engine is installed', mend: BY_START } };
    return { finding: { name, mark: plan.kind === 'fail' ? 'fail' : 'warn', detail: plan.kind === 'fail' ? plan.why : `${plan.why}: pipelines would run without isolation`, mend: plan.mend } };
  } catch (error) {
    return { finding: { name, mark: 'fail', detail: messageOf(error), mend: error instanceof SetupError ? error.mend : 'Look at the log of the engine.' } };
  }
}

/**
 * @param {RunnerPaths} paths
 * @param {Env} env
 * @param {import('./docker-api.mjs').DockerApi} docker
 * @returns {Promise<Finding[]>}
 */
async function diagnoseImages({ root }, env, docker) {
  const sources = await pipelineSources(root);
  const unbuilt = sources.filter(({ imageFolder }) => !existsSync(imageFolder));
  if (unbuilt.length > 0) {
    const mend = BY_START;
    return [{ name: 'Pipeline images', mark: 'warn', detail: `not built: ${unbuilt.map(({ name }) => name).join(', ')}`, mend }];
  }
  const wanted = env.BASE_IMAGE || DEFAULT_BASE_IMAGE;
  let reference = wanted;
  let base = await docker.image(wanted);
  if (!base && process.platform === 'linux') {
    reference = `${HOST_BASE_REPOSITORY}:${(await hostBase(sources.map(({ imageFolder }) => imageFolder))).tag}`;
    base = await docker.image(reference);
  }
  if (!base) return [{ name: 'Base image', mark: 'warn', detail: `${wanted} is not on this host`, mend: '`npm start` pulls it, or makes one from this host.' }];
  /** @type {Finding[]} */
  const findings = [{ name: 'Base image', mark: 'ok', detail: reference }];
  for (const { name, imageFolder, tags } of sources) {
    const hash = await hashFolder(imageFolder, { words: [base.Id] });
    for (const tag of tags) {
      const image = await docker.image(tag);
      const current = image?.Config?.Labels?.[CONTENT_LABEL] === hash;
      findings.push({ name: 'Pipeline image', mark: current ? 'ok' : 'warn', detail: current ? tag : `${tag} ${image ? 'is of an older build' : 'is missing'} (pipelines/${name})`, ...(current ? {} : { mend: BY_START }) });
    }
  }
  return findings;
}

/** The nearest folder above that exists. @param {string} path @returns {string} */
function nearestExisting(path) {
  return existsSync(path) || dirname(path) === path ? path : nearestExisting(dirname(path));
}

/** @param {RunnerPaths} paths @param {Env} env @returns {Finding[]} */
function diagnoseStorage(paths, env) {
  const { workspaceRoot, modelsRoot } = storageRoots(paths, env);
  /** @type {Finding[]} */
  const findings = [];
  const at = nearestExisting(workspaceRoot);
  try {
    accessSync(at, constants.W_OK | constants.X_OK);
    findings.push({ name: 'Workspace', mark: 'ok', detail: `${workspaceRoot}${at === workspaceRoot ? ', writable' : ', will be created'}` });
  } catch {
    findings.push({ name: 'Workspace', mark: 'fail', detail: `${at} is not writable`, mend: 'Give this user the right to write there, or set WORKSPACE_ROOT to another folder.' });
  }
  findings.push(existsSync(modelsRoot) ? { name: 'Model store', mark: 'ok', detail: modelsRoot } : { name: 'Model store', mark: 'warn', detail: `${modelsRoot} does not exist`, mend: `${BY_START} Or: npx runner models init` });
  return findings;
}

/** @param {RunnerPaths} paths @param {Env} env @returns {Promise<Finding[]>} */
async function diagnosePorts(paths, env) {
  /** @type {Finding[]} */
  const findings = [];
  const runner = findRecorded(paths.run, 'runner');
  for (const { variable, fallback } of [{ variable: 'PORT', fallback: 3000 }, { variable: 'WORKER_PORT', fallback: 3001 }]) {
    const wanted = env[variable];
    const port = Number(wanted || fallback);
    const name = `Port ${port}`;
    if ((await tryPort(port)) !== undefined) findings.push({ name, mark: 'ok', detail: 'free' });
    else if (runner) findings.push({ name, mark: 'ok', detail: `in use while Function Runner runs here (pid ${runner.pid})` });
    else if (wanted) findings.push({ name, mark: 'fail', detail: `in use, and ${variable}=${wanted} asks for it`, mend: `Stop what listens there, or set ${variable} to another port.` });
    else findings.push({ name, mark: 'warn', detail: 'in use', mend: `\`npm start\` takes a free one; ${variable} chooses.` });
  }
  return findings;
}

/** @param {Env} env @returns {Promise<Finding>} */
async function diagnoseGpu(env) {
  const name = 'GPU';
  const none = 'pipelines that need one (the flux tiers) will not run here; the others do';
  const program = findProgram('nvidia-smi', env);
  if (!program) return { name, mark: 'warn', detail: 'none found', mend: `No nvidia-smi: ${none}.` };
  const { code, output } = await runCommand(program, ['--query-gpu=name,memory.total', '--format=csv,noheader']);
  if (code !== 0) return { name, mark: 'warn', detail: `nvidia-smi ended with code ${code}: ${output.trim().split('\n')[0] ?? ''}`, mend: `Check the driver; ${none}.` };
  return { name, mark: 'ok', detail: output.trim().split('\n').join('; ') };
}

/**
 * Looks at everything, in the order in which `npm start` needs it.
 * @param {RunnerPaths} paths
 * @param {Env} env
 * @returns {Promise<Finding[]>}
 */
export async function diagnose(paths, env) {
  const { finding, docker } = await diagnoseEngine(env);
  /** @type {Finding[]} */
  const images = docker ? await diagnoseImages(paths, env, docker).catch((error) => [{ name: 'Pipeline images', mark: /** @type {const} */ ('fail'), detail: messageOf(error), mend: error instanceof SetupError ? error.mend : 'See the message.' }]) : [];
  return [
    diagnoseNode(),
    diagnoseDependencies(paths),
    await diagnoseRedis(env),
    finding,
    ...images,
    ...diagnoseStorage(paths, env),
    ...(await diagnosePorts(paths, env)),
    await diagnoseGpu(env),
  ];
}
