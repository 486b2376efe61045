/**
 * The apps as containers: the image that `npm run images` builds, started as docker/compose.yaml says, on the real
 * daemon. The worker sees the workspace under another path than the host does, and has to find the host's.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Container } from 'dockerode';
import sharp from 'sharp';
import { DockerFixture, freePort, RedisFixture, tempFolder, waitFor, type TempFolder } from '@function-runner/testing';
import { Editor } from './editor/editor.js';
import { plate } from './pictures/plate.js';
import { REPOSITORY } from './stack/repository.js';

/** The first build of the image installs what it needs from the registry. */
const BUILD_MS = 240_000;
const TEST_MS = 120_000;
const READY_MS = 40_000;

const run = promisify(execFile);
const docker = new DockerFixture();

/** What {@link DockerFixture.stop} removes beside the product's own containers. */
const PLANTED = { 'function-runner-test.planted-by': docker.installId };

/** The worker must be able to hand takes over: as root to whom a project belongs, else it is that user. */
const [uid, gid] = process.getuid?.() === 0 ? [65_534, 65_534] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

interface Service {
  image: string;
  command: string[];
  user: string;
  environment: Record<string, string>;
  group_add?: string[];
  network_mode: string;
  read_only: boolean;
  tmpfs: string;
  cap_drop: string[];
  security_opt: string[];
  volumes: { type: 'bind'; source: string; target: string; read_only?: boolean }[];
}

/** The services of docker/compose.yaml, as Compose would read them with this environment. */
async function composeServices(environment: Readonly<Record<string, string>>): Promise<Record<'api' | 'worker', Service>> {
  const load = createRequire(import.meta.url);
  const yaml = createRequire(load.resolve('nx/package.json'))('yaml') as { parse(text: string, options: { merge: boolean }): unknown };
  const text = (await readFile(join(REPOSITORY, 'docker', 'compose.yaml'), 'utf8')).replace(/\$\{([A-Z_]+):([-?])([^}]*)\}/g, (_, name: string, kind: string, other: string) => {
    const value = environment[name] ?? (kind === '-' ? other : undefined);
    if (value === undefined) throw new Error(`${name}: ${other}`);
    return value;
  });
  return (yaml.parse(text, { merge: true }) as { services: Record<'api' | 'worker', Service> }).services;
}

/** Starts a service of the compose file as a container. */
async function up(service: Service, environment: Readonly<Record<string, string>>): Promise<Container> {
  const container = await docker.docker.createContainer({
    Image: service.image,
    Cmd: service.command,
    User: service.user,
    Labels: PLANTED,
    Env: Object.entries({ ...environment, ...service.environment }).map(([name, value]) => `${name}=${value}`),
    // The image's own, only sooner.
    Healthcheck: { Interval: 500e6 },
    HostConfig: {
      NetworkMode: service.network_mode,
      ReadonlyRootfs: service.read_only,
      Tmpfs: { [service.tmpfs]: '' },
      CapDrop: service.cap_drop,
      SecurityOpt: service.security_opt,
      GroupAdd: service.group_add ?? [],
      Mounts: service.volumes.map(({ type, source, target, read_only: readOnly = false }) => ({ Type: type, Source: source, Target: target, ReadOnly: readOnly })),
    },
  });
  await container.start();
  return container;
}

async function logOf(container: Container): Promise<string> {
  return (await container.logs({ stdout: true, stderr: true })).toString().slice(-4000);
}

/** Waits until the container is healthy by its image's own check, and its app ready. */
async function ready(container: Container, url: string): Promise<void> {
  try {
    await waitFor(`${url} to be ready`, async () => (await fetch(`${url}/health/ready`)).ok, READY_MS);
    await waitFor(`the container of ${url} to be healthy`, async () => (await container.inspect()).State.Health?.Status === 'healthy');
  } catch (error) {
    throw new Error(await logOf(container), { cause: error });
  }
}

/** Ends a container as `docker stop` does, and returns the exit code of its app. */
async function stop(container: Container): Promise<number> {
  await container.stop({ t: 45 });
  return (await container.inspect()).State.ExitCode;
}

let redis: RedisFixture;
let folder: TempFolder;
let environment: Record<string, string>;
let apiUrl: string;
let api: Container;
let services: Record<'api' | 'worker', Service>;

beforeAll(async () => {
  await run(process.execPath, [join(REPOSITORY, 'tools', 'images.mjs')], { cwd: REPOSITORY });
  [redis, folder] = await Promise.all([RedisFixture.start(), tempFolder()]);
  const workspace = join(folder.path, 'workspace');
  await mkdir(workspace);
  await run(process.execPath, [join(REPOSITORY, 'apps', 'cli', 'bin', 'runner.mjs'), 'models', 'init'], { env: { ...process.env, WORKSPACE_ROOT: workspace, MODELS_ROOT: '' } });
  await chown(workspace, uid, gid);
  const socket = (process.env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock').replace(/^unix:\/\//, '');
  const { version } = JSON.parse(await readFile(join(REPOSITORY, 'package.json'), 'utf8')) as { version: string };
  environment = {
    APP_IMAGE: `function-runner/app:${version}`, WORKSPACE_ROOT: workspace, RUNNER_USER: `${uid}:${gid}`, DOCKER_GID: String((await stat(socket)).gid), REDIS_PORT: String(redis.port),
    PORT: String(await freePort()), WORKER_PORT: String(await freePort()), GPU_INVENTORY: 'none', IMAGE_PULL: 'never', WARM_CONTAINERS: '0', INSTALL_ID: docker.installId,
  };
  services = await composeServices(environment);
  for (const mount of services.worker.volumes) if (mount.target === '/var/run/docker.sock') mount.source = socket;
  apiUrl = `http://127.0.0.1:${environment['PORT']}`;
  api = await up(services.api, environment);
  await ready(api, apiUrl);
}, BUILD_MS);

afterAll(async () => {
  await docker.stop();
  await redis.stop();
  await folder.remove();
});

/** Runs a node through a worker in a container; says where the host's daemon was told to find project and draft. */
async function upscale(worker: Service, more: Readonly<Record<string, string>>, name: string): Promise<{ sources: string[]; exitCode: number }> {
  const workspace = environment['WORKSPACE_ROOT'] ?? '';
  const project = join(workspace, name);
  const [width, height] = [320, 220];
  const { small } = await plate(width, height, 2);
  await mkdir(join(project, 'plates'), { recursive: true });
  await writeFile(join(project, 'plates', 'frame.png'), small);
  await chown(project, uid, gid);

  const container = await up(worker, { ...environment, ...more });
  await ready(container, `http://127.0.0.1:${environment['WORKER_PORT']}`);
  const answer = await fetch(`${apiUrl}/v1/projects/${name}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name, quality: 'low' }) });
  expect(answer.ok).toBe(true);
  const editor = await Editor.connect(apiUrl);
  try {
    const { taskId } = await editor.start({ projectId: name, nodeId: 'upscale-1', nodeType: 'image_upscale', parameters: { input: 'plates/frame.png' } });
    const seen = waitFor('the container of the pipeline', async () => (await docker.containers())[0]?.Mounts, TEST_MS);
    // Its own failure is the test's; that of the task is told first, because it says why.
    seen.catch(() => undefined);
    const { result } = await editor.success(taskId, TEST_MS);

    expect(result.outputPath).toBe(`/workspace/${name}/outputs/renders/upscale-1/${taskId}`);
    const take = join(workspace, result.outputPath.slice('/workspace/'.length));
    const file = await readFile(join(take, 'frame-x2.png'));
    expect(result.outputs).toEqual([{ path: 'frame-x2.png', mediaType: 'image/png', bytes: file.length, sha256: createHash('sha256').update(file).digest('hex') }]);
    const picture = await sharp(file).metadata();
    expect([picture.width, picture.height]).toEqual([width, height]);
    expect(await readdir(take)).toEqual(['frame-x2.png']);
    expect((await stat(join(take, 'frame-x2.png'))).uid).toBe(uid);
    expect(await readdir(join(project, 'outputs'))).toEqual(['renders']);

    await waitFor('the pipeline’s container to be gone', async () => (await docker.containers()).length === 0);
    return { sources: (await seen).map(({ Source }) => Source), exitCode: await stop(container) };
  } finally {
    editor.close();
    await container.remove({ force: true });
  }
}

it('as compose.yaml starts it, the worker finds the host’s path of the workspace by itself', async () => {
  const workspace = environment['WORKSPACE_ROOT'] ?? '';
  const { sources, exitCode } = await upscale(services.worker, {}, 'Found');
  expect(sources.length).toBeGreaterThanOrEqual(3);
  expect(sources.filter((source) => !source.startsWith(`${workspace}/`))).toEqual([]);
  expect(sources).toContain(join(workspace, 'Found'));
  expect(exitCode).toBe(0);
}, TEST_MS);

it('with WORKSPACE_HOST_ROOT, and as root, it uses the path that it is told', async () => {
  // Another name of the same folder: only who was told of it can use it.
  const told = join(folder.path, 'told');
  await symlink(environment['WORKSPACE_ROOT'] ?? '', told);
  const { sources, exitCode } = await upscale({ ...services.worker, user: '0:0', cap_drop: [] }, { WORKSPACE_HOST_ROOT: told }, 'Told');
  expect(sources.length).toBeGreaterThanOrEqual(3);
  expect(sources.filter((source) => !source.startsWith(`${told}/`))).toEqual([]);
  expect(exitCode).toBe(0);
}, TEST_MS);

it('the cli of the image reads the model store', async () => {
  const container = await up({ ...services.api, command: ['apps/cli/bin/runner.mjs', 'models', 'verify'], network_mode: 'none' }, environment);
  const { StatusCode } = (await container.wait()) as { StatusCode: number };
  expect(await logOf(container)).toContain('esrgan-slim-x2');
  expect(StatusCode).toBe(0);
}, TEST_MS);

it('the api ends in order on SIGTERM', async () => {
  expect(await stop(api)).toBe(0);
}, TEST_MS);
