import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LeaseBook, type BookState } from '@function-runner/lease-book';
import { initStore, installModel, installPipeline } from '@function-runner/model-store';
import type { TaskEvent } from '@function-runner/progress-protocol';
import type { JobPayload } from '@function-runner/task-contract';
import { connectRedis, type TaskIdentity } from '@function-runner/task-store';
import { DockerFixture, RedisFixture, SERVER_PIPELINE, scriptModel, serverPipeline, tempFolder, testBaseImage, testJob, waitFor, type TempFolder } from '@function-runner/testing';
import type { Redis } from 'ioredis';
import { v7 as uuidv7 } from 'uuid';
import { loadWorkerConfig } from '../config/worker-config.js';
import type { RunEnd } from '../run/run-task.js';
import { WorkerWiring } from '../worker-wiring.fixture.js';

export type JobChanges = Parameters<typeof testJob>[1];

/** A task that was started on the site's worker. */
export interface Started {
  task: TaskIdentity;
  ended: Promise<RunEnd>;
  reached(step: string): Promise<TaskEvent>;
  /** The last event, once the task has ended and its log was found in order. */
  last(): Promise<TaskEvent>;
}

/** One worker without its intake on a workspace with the project `Film`, a store with server-mode pipelines, and real Redis and Docker. */
export class ServingSite {
  readonly docker = new DockerFixture();
  private opened: WorkerWiring | undefined;
  private readonly payloads = new Map<string, JobPayload>();
  private readonly since = Math.floor(Date.now() / 1000);

  private constructor(
    readonly image: string,
    private readonly redis: RedisFixture,
    private readonly folder: TempFolder,
    readonly connection: Redis,
  ) {}

  static async open(): Promise<ServingSite> {
    const redis = await RedisFixture.start();
    const folder = await tempFolder();
    const site = new ServingSite(await testBaseImage(), redis, folder, connectRedis(redis.url, 'worker', () => undefined));
    await chmod(folder.path, 0o755);
    await mkdir(join(site.workspace, 'Film', 'plates'), { recursive: true });
    await writeFile(join(site.workspace, 'Film', 'plates', 'a.txt'), 'plate');
    await initStore(site.models);
    await writeFile(join(folder.path, 'weights'), 'weights');
    await installModel(site.models, scriptModel(), [{ from: join(folder.path, 'weights'), name: 'weights.bin' }]);
    await site.install();
    return site;
  }

  get workspace(): string {
    return join(this.folder.path, 'workspace');
  }

  /** Within the workspace, as it is by default. */
  get models(): string {
    return join(this.workspace, 'Library', 'AI_Models');
  }

  get worker(): WorkerWiring {
    if (this.opened === undefined) throw new Error('no worker was opened');
    return this.opened;
  }

  /** Installs a pipeline in server mode, the plain one if nothing is said; again if it is there. */
  async install({ shareable, ...changes }: Parameters<typeof serverPipeline>[1] & { shareable?: boolean } = {}): Promise<void> {
    const { execution, ...rest } = serverPipeline(this.image, changes) as { execution: object };
    await installPipeline(this.models, 'image', { ...rest, execution: { ...execution, ...(shareable === undefined ? {} : { shareable }) } }, true);
  }

  /** A worker of other settings in place of the one there is. */
  async openWorker(changes: Record<string, string> = {}): Promise<void> {
    await this.opened?.close();
    this.opened = await this.newWorker(changes);
    await this.opened.orders.listen();
  }

  newWorker(changes: Record<string, string> = {}): Promise<WorkerWiring> {
    return new WorkerWiring(loadWorkerConfig({
      REDIS_URL: this.redis.url, WORKSPACE_ROOT: this.workspace, INSTALL_ID: this.docker.installId, IMAGE_PULL: 'never', PROGRESS_PER_SECOND: '0', WARM_CONTAINERS: '2', GPU_INVENTORY: 'none',
      ...(process.env['DOCKER_HOST'] === undefined ? {} : { DOCKER_HOST: process.env['DOCKER_HOST'] }), ...changes,
    })).open();
  }

  /** Closes the worker, and says what it has left: nothing, if all is well. */
  async closeWorker(): Promise<{ containers: string[]; leased: BookState['leased']; leases: string[]; warm: number; folders: string[] }> {
    const { worker } = this;
    await worker.close();
    this.opened = undefined;
    const { leases, leased } = await this.book(worker.host.id);
    const folders: string[] = [];
    for (const name of await readdir(this.workspace)) {
      const inProject = await readdir(join(this.workspace, name, 'outputs')).catch(() => []);
      folders.push(...inProject.filter((entry) => entry === '.staging').map((entry) => join(name, entry)), ...(name.startsWith('.') ? [name] : []));
    }
    return { containers: await this.containers(), leased, leases: leases.map(({ id }) => id), warm: worker.pool.warm, folders };
  }

  /** What stands in the book of the worker's host. */
  book(hostId = this.worker.host.id): Promise<BookState> {
    return new LeaseBook(this.connection, hostId, { ttlMs: 1 }).read();
  }

  /** Creates a task of the plain pipeline, unless told otherwise, and runs it as intake would. */
  async start(script: string, changes: JobChanges = {}): Promise<Started> {
    const payload = testJob(script, { pipelineId: SERVER_PIPELINE, ...changes });
    const { node_id: nodeId, project_id: projectId } = payload.parameters;
    const task: TaskIdentity = { taskId: uuidv7(), nodeId, projectId };
    await this.worker.store.create({ ...task, nodeType: payload.node_type, projectName: payload.trace.project_name, pipelineId: payload.pipeline_id, quality: 'high', submittedAt: payload.submitted_at }, 1);
    this.payloads.set(task.taskId, payload);
    return this.follow(task, payload);
  }

  /** Runs a task that was put back once more, as intake would. */
  resume(task: TaskIdentity, end: RunEnd): Started {
    const payload = (end.kind === 'put-back' ? end.payload : undefined) ?? this.payloads.get(task.taskId);
    if (payload === undefined) throw new Error('a task that nobody has started');
    return this.follow(task, payload);
  }

  async run(script: string, changes?: JobChanges): Promise<TaskEvent> {
    return (await this.start(script, changes)).last();
  }

  /** The containers there are, by id. */
  async containers(): Promise<string[]> {
    return (await this.docker.containers()).map(({ Id }) => Id);
  }

  async theContainer(): Promise<string> {
    const [id, ...others] = await this.containers();
    if (id === undefined || others.length > 0) throw new Error(`one container was expected: ${JSON.stringify([id, ...others])}`);
    return id;
  }

  /** Waits until so many containers wait for a task. */
  warm(count: number): Promise<unknown> {
    return waitFor(`${count} warm containers`, () => this.worker.pool.warm === count);
  }

  gone(id: string): Promise<unknown> {
    return waitFor('the container to be gone', async () => !(await this.docker.exists(id)));
  }

  /** The takes of a node. */
  takes(node: string, project = 'Film'): Promise<string[]> {
    return readdir(join(this.workspace, project, 'outputs/renders', node)).catch(() => []);
  }

  /** How many containers of this site the daemon has ever created. */
  async createdSoFar(): Promise<number> {
    const stream = await this.docker.docker.getEvents({
      since: this.since - 1, until: Math.ceil(Date.now() / 1000), filters: { type: ['container'], event: ['create'], label: [`function-runner.install=${this.docker.installId}`] },
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk as Buffer));
    return Buffer.concat(chunks).toString().split('\n').filter((line) => line.trim() !== '').length;
  }

  /** A figure of the worker. */
  async counted(name: string): Promise<number> {
    const text = await this.worker.metrics.registry.metrics();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1) ?? 0);
  }

  /** Tasks that found a container warm, and those that did not. */
  async taken(): Promise<{ hits: number; misses: number }> {
    const of = (outcome: string): Promise<number> => this.counted(`function_runner_serving_taken_total{outcome="${outcome}"}`);
    return { hits: await of('hit'), misses: await of('miss') };
  }

  async close(): Promise<void> {
    await this.opened?.close();
    await this.docker.stop();
    this.connection.disconnect();
    await this.redis.stop();
    await this.folder.remove();
  }

  private follow(task: TaskIdentity, payload: JobPayload): Started {
    const { worker } = this;
    const ended = worker.run(task.taskId, payload);
    ended.catch(() => undefined);
    const events = (): Promise<TaskEvent[]> => worker.store.events(task.taskId, 0);
    return {
      task, ended,
      reached: (step) => waitFor(`the step ${step}`, async () => (await events()).find((event) => event.step === step)),
      last: async () => {
        await ended;
        const log = await events();
        const last = log.at(-1);
        const ends = log.filter(({ status }) => ['completed', 'failed', 'cancelled'].includes(status));
        if (last === undefined || ends.length !== 1 || ends[0] !== last || !log.every(({ seq }, index) => seq === index + 1)) throw new Error(`a log that breaks the rules: ${JSON.stringify(log)}`);
        return last;
      },
    };
  }
}
