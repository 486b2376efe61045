/**
 * Where chaos plays: two api and three worker processes as shipped, a Redis behind a proxy, a Docker daemon of its own
 * behind another, a workspace, and some projects.
 *
 * Owns all of it; `stop` ends and removes everything, whatever the faults did to it.
 */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { DockerDaemonFixture, freePort, TcpProxy, waitFor } from '@function-runner/testing';
import { nodeImage } from '../../puppet/puppet-pipelines.js';
import { AppProcess, type AppName } from '../../stack/app-process.js';
import { ContainerWatch } from '../../stack/container-watch.js';
import { RunnerStack, type Environment, type TestProject } from '../../stack/runner-stack.js';
import { chaosTiers, installChaosPipelines } from '../pipelines/chaos-pipelines.js';
import { SupervisedApp } from './supervised-app.js';

const APIS = 2;
const WORKERS = 3;

/** Warm containers go soon after the last task, so that whatever is left in the end is left for good. */
const WARM_IDLE = '6s';

const ENVIRONMENT: Environment = {
  WARM_CONTAINERS: '4', WARM_IDLE_TIMEOUT: WARM_IDLE, WORKER_CONCURRENCY: '4', DRAIN_TIMEOUT: '4s',
  // Beyond what a run can inflict on one task: none may be given up for the loss of its workers.
  MAX_WORKER_LOSSES: '50', LOG_LEVEL: 'debug',
};

/** No fault keeps Redis away for so long: one that has not come back by then does not, and the run must not wait for it for ever. */
const ANSWER_MS = 60_000;

const PROJECTS = [{ name: 'Odessa Steps', quality: 'standard' }, { name: 'Night Train', quality: 'high' }] as const;

export class ChaosStage {
  readonly projects: TestProject[] = [];
  readonly apis: readonly SupervisedApp[];
  readonly workers: readonly SupervisedApp[];
  readonly containers: ContainerWatch;
  /** Straight to the server, past the proxy: for looking and for faults. */
  readonly redis: Redis;

  private constructor(
    readonly stack: RunnerStack,
    readonly redisProxy: TcpProxy,
    readonly daemon: DockerDaemonFixture,
    readonly dockerProxy: TcpProxy,
    /** Where the proxy of the daemon listens. */
    readonly dockerSocket: string,
    apiPorts: readonly number[],
  ) {
    this.redis = new Redis(stack.redisServer.url, { maxRetriesPerRequest: null, retryStrategy: () => 100, commandTimeout: ANSWER_MS });
    // It reconnects; what it was asked waits meanwhile.
    this.redis.on('error', () => undefined);
    stack.redis.on('error', () => undefined);
    this.containers = new ContainerWatch(stack.installId, daemon.docker);
    this.apis = apiPorts.map((port, index) => new SupervisedApp('api', index, () => this.spawn('api', port)));
    this.workers = Array.from({ length: WORKERS }, (_, index) => new SupervisedApp('worker', index, () => this.spawn('worker')));
  }

  static async start({ liveRestore }: { liveRestore: boolean }): Promise<ChaosStage> {
    const image = await nodeImage();
    const daemon = await DockerDaemonFixture.start({ liveRestore });
    const stack = await RunnerStack.start({ apis: 0, workers: 0, tiers: chaosTiers() }).catch(async (error: unknown) => {
      await daemon.end();
      throw error;
    });
    const dockerSocket = join(stack.folder, 'docker.sock');
    const redisProxy = await TcpProxy.start({ port: stack.redisServer.port });
    const dockerProxy = await TcpProxy.start({ path: daemon.socketPath }, { path: dockerSocket });
    const stage = new ChaosStage(stack, redisProxy, daemon, dockerProxy, dockerSocket, await Promise.all(Array.from({ length: APIS }, () => freePort())));
    try {
      await Promise.all([daemon.load(image), installChaosPipelines(stack.modelsRoot, image)]);
      await Promise.all([...stage.apis, ...stage.workers].map((app) => app.start()));
      for (const [index, { name, quality }] of PROJECTS.entries()) await stage.addProject({ id: `chaos-${index + 1}`, name }, quality);
      return stage;
    } catch (error) {
      await stage.stop();
      throw error;
    }
  }

  get apiUrls(): string[] {
    return this.apis.map(({ current }) => current.url);
  }

  get apps(): SupervisedApp[] {
    return [...this.apis, ...this.workers];
  }

  /** Waits until each process says that it is ready. @throws Error naming the first that does not */
  async ready(withinMs: number): Promise<void> {
    await Promise.all(this.apps.map((app) => waitFor(`${app.title} to be ready`, async () => (await fetch(`${app.current.url}/health/ready`)).ok, withinMs, 200)));
  }

  /** Ends every process in good order. @returns the titles of those that did not, each with how it ended */
  async closeApps(): Promise<string[]> {
    const ends = await Promise.all(this.apps.map(async (app) => ({ app, end: await app.close() })));
    return ends.flatMap(({ app, end }) => (end?.code === 0 ? [] : [`${app.title} ended with ${end === undefined ? 'SIGKILL, since it did not end by itself' : JSON.stringify(end)}`]));
  }

  async stop(): Promise<void> {
    await Promise.all(this.apps.filter(({ incarnations }) => incarnations.length > 0).map((app) => app.close()));
    this.redis.disconnect();
    await Promise.allSettled([this.redisProxy.stop(), this.dockerProxy.stop()]);
    await this.daemon.end();
    await this.stack.stop();
  }

  private async addProject(project: TestProject, quality: string): Promise<void> {
    const response = await fetch(`${this.apiUrls[0]}/v1/projects/${project.id}`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: project.name, quality }) });
    if (!response.ok) throw new Error(`the project was refused: ${response.status} ${await response.text()}`);
    this.projects.push(project);
  }

  private spawn(name: AppName, port?: number): Promise<AppProcess> {
    const environment = this.stack.environmentFor({ ...ENVIRONMENT, REDIS_URL: `redis://127.0.0.1:${this.redisProxy.port}`, DOCKER_HOST: `unix://${this.dockerSocket}` });
    return AppProcess.spawn(name, this.stack.folder, environment, port);
  }
}
