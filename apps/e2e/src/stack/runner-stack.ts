/**
 * A whole function runner as an operator would stand it up: a Redis, a workspace with its model store, and as many api
 * and worker processes as a test wants, all of one installation.
 *
 * Owns every process and folder that it made. `stop` ends and removes them all, whatever the test did to them.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { RedisFixture, type DockerDaemonFixture } from '@function-runner/testing';
import { Editor } from '../editor/editor.js';
import { installPuppets, tiersFile } from '../puppet/puppet-pipelines.js';
import { AppProcess, type AppName } from './app-process.js';
import { ContainerWatch } from './container-watch.js';
import { REPOSITORY } from './repository.js';

const run = promisify(execFile);

export type Environment = Readonly<Record<string, string>>;

export interface StackOptions {
  /** Over the stack's own, for both apps. */
  environment?: Environment;
  tiers?: ReturnType<typeof tiersFile>;
  apis?: number;
  workers?: number;
  /** Whose containers they are; the machine's own daemon unless told. The caller ends it after the stack. */
  daemon?: DockerDaemonFixture;
}

/** A project as a test names it. */
export interface TestProject {
  id: string;
  name: string;
}

export class RunnerStack {
  readonly installId = `e2e-${randomUUID()}`;
  readonly containers: ContainerWatch;
  /** A connection for looking, as an outside program has one. */
  readonly redis: Redis;
  readonly apis: AppProcess[] = [];
  readonly workers: AppProcess[] = [];
  readonly editors: Editor[] = [];
  private projects = 0;

  private constructor(
    readonly redisServer: RedisFixture,
    readonly folder: string,
    private readonly common: Environment,
    daemon: DockerDaemonFixture | undefined,
  ) {
    this.containers = new ContainerWatch(this.installId, daemon?.docker);
    this.redis = new Redis(redisServer.url);
  }

  static async start({ environment = {}, tiers = tiersFile(), apis = 1, workers = 1, daemon }: StackOptions = {}): Promise<RunnerStack> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'function-runner-e2e-')));
    const stack = new RunnerStack(await RedisFixture.start(), folder, { ...(daemon === undefined ? {} : { DOCKER_HOST: daemon.host }), ...environment }, daemon);
    try {
      await stack.furnish(tiers);
      const started = [...Array.from({ length: apis }, () => stack.addApi()), ...Array.from({ length: workers }, () => stack.addWorker())];
      await Promise.all(started);
      return stack;
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  get workspaceRoot(): string {
    return join(this.folder, 'workspace');
  }

  get modelsRoot(): string {
    return join(this.workspaceRoot, 'Library', 'AI_Models');
  }

  get tiersPath(): string {
    return join(this.folder, 'pipelines.json');
  }

  /** The first api. */
  get api(): AppProcess {
    const [first] = this.apis;
    if (first === undefined) throw new Error('this stack has no api');
    return first;
  }

  /** Starts one more api and waits until it is ready. */
  addApi(environment: Environment = {}): Promise<AppProcess> {
    return this.add('api', this.apis, environment);
  }

  addWorker(environment: Environment = {}): Promise<AppProcess> {
    return this.add('worker', this.workers, environment);
  }

  /** What an app of this stack is told. No container is kept warm unless a test wants it: the invariants look for any that is left. */
  environmentFor(environment: Environment = {}): Environment {
    return {
      REDIS_URL: this.redisServer.url, WORKSPACE_ROOT: this.workspaceRoot, PIPELINES_CONFIG: this.tiersPath, INSTALL_ID: this.installId,
      GPU_INVENTORY: 'none', IMAGE_PULL: 'never', WARM_CONTAINERS: '0', LAST_CALL: '100ms', ...this.common, ...environment,
    };
  }

  /** A client at an api, the first unless told; closed with the stack. */
  async editor(at: AppProcess = this.api): Promise<Editor> {
    const editor = await Editor.connect(at.url);
    this.editors.push(editor);
    return editor;
  }

  /** A new project of this quality, made over REST. */
  async project(quality = 'standard'): Promise<TestProject> {
    this.projects += 1;
    const project = { id: `film-${this.projects}`, name: `Film ${this.projects}` };
    const response = await fetch(`${this.api.url}/v1/projects/${project.id}`, {
      method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: project.name, quality }),
    });
    if (!response.ok) throw new Error(`the project was refused: ${response.status} ${await response.text()}`);
    return project;
  }

  /** Where a project's file lies on this machine; its folder is made. */
  async place(project: TestProject, path: string): Promise<string> {
    const file = join(this.workspaceRoot, project.name, path);
    await mkdir(dirname(file), { recursive: true });
    return file;
  }

  /** Lets the puppets of a project that wait for this gate go on. */
  async open(project: TestProject, gate: string): Promise<void> {
    await writeFile(await this.place(project, gate), '');
  }

  /** A path as takes are announced (`/workspace/…`), on this machine. */
  onDisk(path: string): string {
    if (!path.startsWith('/workspace/')) throw new Error(`${path} is not in the workspace`);
    return join(this.workspaceRoot, path.slice('/workspace/'.length));
  }

  /** Ends everything and removes it. @throws Error when a process had to be killed */
  async stop(): Promise<void> {
    for (const editor of this.editors) editor.close();
    const ends = await Promise.allSettled([...this.workers, ...this.apis].map((app) => app.stop()));
    this.redis.disconnect();
    await this.redisServer.stop();
    await rm(this.folder, { recursive: true, force: true });
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Workspace, model store and pipelines file. */
  private async furnish(tiers: ReturnType<typeof tiersFile>): Promise<void> {
    await mkdir(this.workspaceRoot);
    await writeFile(this.tiersPath, JSON.stringify(tiers));
    await run(process.execPath, [join(REPOSITORY, 'apps', 'cli', 'bin', 'runner.mjs'), 'models', 'init'], { env: { ...process.env, WORKSPACE_ROOT: this.workspaceRoot, MODELS_ROOT: '' } });
    await installPuppets(this.modelsRoot);
  }

  private async add(name: AppName, list: AppProcess[], environment: Environment): Promise<AppProcess> {
    const app = await AppProcess.spawn(name, this.folder, this.environmentFor(environment));
    list.push(app);
    return app.ready();
  }
}
