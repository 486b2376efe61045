// @ts-check
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { livenessUrl } from '../../docker/healthcheck.mjs';
import { ensureAppImage, isDeadWeight, isRunTimeFile, shippedProjects, stageAppImage } from './app-image.step.mjs';
import { filesBelow, hashFolder } from './content-hash.mjs';
import { dockerApi, dockerTarget, tarStream } from './docker-api.mjs';
import { CONTENT_LABEL } from './pipeline-images.step.mjs';
import { repositoryRoot, runnerPaths } from './runner-paths.mjs';
import { createStepReport } from './step-report.mjs';
import { createStopStack } from './stop-stack.mjs';

test.each([
  ['main.js', true], ['main.js.map', true], ['lua/append.lua', true], ['data.json', true],
  ['main.d.ts', false], ['main.d.ts.map', false], ['tsconfig.lib.tsbuildinfo', false],
])('isRunTimeFile %s: %s', (path, wanted) => expect(isRunTimeFile(path)).toBe(wanted));

test.each([
  ['index.js', false], ['index.mjs', false], ['script.lua', false], ['data.json', false], ['addon.node', false], ['LICENSE', false], ['LICENSE.md', false], ['license.markdown', false], ['NOTICE.md', false],
  ['README.md', true], ['index.d.ts', true], ['index.d.mts', true], ['index.js.map', true], ['src.ts', true], ['.package-lock.json', true],
])('isDeadWeight %s: %s', (name, dead) => expect(isDeadWeight(name)).toBe(dead));

test.each([
  ['node --enable-source-maps apps/api/dist/main.js', {}, 'http://127.0.0.1:3000/health/live'],
  ['node apps/api/dist/main.js', { PORT: '8080', WORKER_PORT: '9', HOST: '::1' }, 'http://[::1]:8080/health/live'],
  ['/sbin/docker-init -- node /app/apps/worker/dist/main.js', { PORT: '8080' }, 'http://127.0.0.1:3001/health/live'],
  ['node apps/worker/dist/main.js', { WORKER_PORT: '9', HOST: '10.0.0.4' }, 'http://10.0.0.4:9/health/live'],
  ['node apps/cli/bin/runner.mjs models list', {}, undefined],
])('the health check of %s with %j asks %s', (command, env, url) => expect(livenessUrl(command.replaceAll(' ', '\0'), env)).toBe(url));

describe('docker/Dockerfile', () => {
  const lines = readFileSync(join(repositoryRoot, 'docker', 'Dockerfile'), 'utf8').split('\n');
  const instruction = (/** @type {string} */ name) => lines.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? '';

  test('starts node as the scripts of package.json do', () => {
    const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
    const started = [...JSON.parse(instruction('ENTRYPOINT')), ...JSON.parse(instruction('CMD'))].join(' ');
    expect(started).toBe(scripts.api);
    expect(started.replace('apps/api', 'apps/worker')).toBe(scripts.worker);
  });

  test('runs nothing while it is built, and nothing as root', () => {
    expect(lines.filter((line) => /^(RUN|ADD|SHELL)\b/.test(line))).toEqual([]);
    expect(instruction('USER')).toBe('65534:65534');
  });
});

test('what this checkout ships', () => {
  const projects = shippedProjects(repositoryRoot);
  expect(projects).toEqual(expect.arrayContaining(['apps/api', 'apps/cli', 'apps/worker', 'libs/settings', 'libs/task-store']));
  expect(projects.filter((project) => /^(pipelines|tools)|e2e|testing/.test(project))).toEqual([]);
});

describe('the image of a checkout', () => {
  const docker = dockerApi(dockerTarget(process.env).target);
  const repository = `function-runner/test-app-t${process.pid}`;
  const base = { reference: `function-runner/test-app-base:t${process.pid}`, id: '' };
  const quietly = () => undefined;
  /** @type {string} */
  let root;

  /** @param {string} file @param {string | object} content */
  function write(file, content) {
    const path = join(root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  }
  function context() {
    const quiet = { write: () => true };
    return { paths: runnerPaths(root), env: process.env, report: createStepReport({ output: quiet, errors: quiet, env: {} }), stops: createStopStack(), signal: new AbortController().signal };
  }
  const make = () => ensureAppImage(context(), docker, base, quietly, { repository });

  beforeAll(async () => {
    root = mkdtempSync(join(tmpdir(), 'fr-app-image-'));
    for (const folder of [runnerPaths(root).logs, join(root, 'empty')]) mkdirSync(folder, { recursive: true });
    const app = (/** @type {string} */ name) => ({ name: `@test/${name}`, version: '1.0.0', dependencies: { '@test/lib': '*' } });
    const manifests = {
      'apps/api': app('api'), 'apps/worker': app('worker'), 'apps/cli': app('cli'), 'libs/lib': { name: '@test/lib', version: '1.0.0' }, 'libs/testing': { name: '@test/testing', version: '1.0.0' },
    };
    for (const [folder, manifest] of Object.entries(manifests)) write(`${folder}/package.json`, manifest);
    for (const folder of Object.keys(manifests)) write(`${folder}/dist/main.js`, '1');
    write('apps/api/dist/main.d.ts', 'no');
    write('apps/cli/bin/runner.mjs', '1');
    write('package.json', { name: 'test', version: '7.0.0', workspaces: ['apps/*', 'libs/*'] });
    write('package-lock.json', {
      name: 'test', version: '7.0.0', lockfileVersion: 3, requires: true,
      packages: {
        '': { name: 'test', version: '7.0.0', workspaces: ['apps/*', 'libs/*'] },
        ...manifests,
        ...Object.fromEntries(Object.entries(manifests).map(([folder, { name }]) => [`node_modules/${name}`, { resolved: folder, link: true }])),
      },
    });
    write('docker/Dockerfile', 'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY . /app\n');
    write('docker/healthcheck.mjs', '1');
    write('empty/mark', '');
    const [repo = '', tag = ''] = base.reference.split(':');
    await docker.importImage(tarStream(join(root, 'empty')), { repo, tag, changes: [], message: 'test' });
    base.id = (await docker.image(base.reference))?.Id ?? '';
  });
  afterAll(async () => {
    for (const tag of [`${repository}:7.0.0`, `${repository}:latest`, base.reference]) await docker.removeImage(tag);
    rmSync(root, { recursive: true, force: true });
  });

  test('is staged with what runs and nothing else, the same whatever the modes and times of the checkout', async () => {
    const files = ['docker/Dockerfile', 'docker/healthcheck.mjs', 'package.json', 'apps/api/dist/main.js', 'libs/lib/dist/main.js', 'libs/lib/package.json'];
    const stage = async (/** @type {string} */ name) => {
      const staged = join(root, name);
      mkdirSync(staged);
      await stageAppImage(context(), staged, { files, cpu: 'x64' });
      return staged;
    };
    const first = await stage('one');
    const names = await filesBelow(first);
    expect(names).toEqual([
      'Dockerfile', 'apps/api/dist/main.js', 'apps/api/package.json', 'apps/cli/package.json', 'apps/worker/package.json', 'docker/healthcheck.mjs', 'libs/lib/dist/main.js', 'libs/lib/package.json',
      'node_modules/@test/api', 'node_modules/@test/cli', 'node_modules/@test/lib', 'node_modules/@test/worker', 'package.json',
    ]);
    chmodSync(join(root, 'apps/api/dist/main.js'), 0o600);
    const second = await stage('two');
    expect(await hashFolder(second)).toBe(await hashFolder(first));
    for (const name of names) {
      const [a, b] = [first, second].map((folder) => lstatSync(join(folder, name)));
      expect([name, a?.mode, a?.mtimeMs]).toEqual([name, b?.mode, b?.mtimeMs]);
    }
    expect(lstatSync(join(second, 'apps/api/dist/main.js')).mode & 0o777).toBe(0o644);
  });

  test('is built once under both names, again when what runs changes, and leaves nothing else', async () => {
    expect(await make()).toMatchObject({ built: true, detail: expect.stringContaining(`${repository}:7.0.0, ${repository}:latest, built`) });
    const first = await docker.image(`${repository}:latest`);
    expect(first?.Config?.Labels?.[CONTENT_LABEL]).toMatch(/^[0-9a-f]{64}$/);
    expect((await docker.image(`${repository}:7.0.0`))?.Id).toBe(first?.Id);
    expect(await make()).toMatchObject({ built: false });
    write('apps/api/dist/main.d.ts', 'still no');
    write('libs/testing/dist/main.js', '2');
    expect(await make()).toMatchObject({ built: false });

    write('libs/lib/dist/main.js', '2');
    expect(await make()).toMatchObject({ built: true });
    expect((await docker.image(`${repository}:latest`))?.Id).not.toBe(first?.Id);
    expect(await docker.image(first?.Id ?? '')).toBeUndefined();
    expect(readdirSync(runnerPaths(root).tmp)).toEqual([]);
  });

  test('that fails is told with the log, and leaves no context behind', async () => {
    write('docker/Dockerfile', 'ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY nothing-here /\n');
    await expect(make()).rejects.toMatchObject({ message: expect.stringContaining('nothing-here'), mend: expect.stringContaining('build-image-app.log') });
    expect(readdirSync(runnerPaths(root).tmp)).toEqual([]);
    rmSync(join(root, 'libs/lib/dist'), { recursive: true });
    await expect(make()).rejects.toMatchObject({ message: expect.stringContaining('libs/lib is not built'), mend: 'Run: npm run build' });
    expect(existsSync(join(root, 'libs/lib/dist'))).toBe(false);
  });
});
