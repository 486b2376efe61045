import 'reflect-metadata';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Queue } from 'bullmq';
import { v7 as uuidv7 } from 'uuid';
import { initStore, installModel, installPipeline } from '@function-runner/model-store';
import type { QualityTier } from '@function-runner/pipeline-schema';
import { schedulerChannel, type TaskEvent } from '@function-runner/progress-protocol';
import { waitingTaskOf, type SchedulerMessage } from '@function-runner/scheduling';
import { BULLMQ_PRIORITY, JOB_NAME, queueName, type TaskPriority } from '@function-runner/task-contract';
import { connectRedis, TaskStore, type TaskIdentity } from '@function-runner/task-store';
import { DockerFixture, RedisFixture, scriptModel, scriptPipeline, tempFolder, testBaseImage, testJob, waitFor, type TempFolder, type TestJobChanges } from '@function-runner/testing';
import type { Redis } from 'ioredis';
import { loadWorkerConfig } from './config/worker-config.js';
import { createLogger, LOGGER } from './logging/logger.js';
import { Watchdog } from './watchdog/watchdog.js';
import { WorkerModule } from './worker.module.js';

/** A worker in this process, as `main.ts` makes it. */
export interface InProcessWorker {
  app: INestApplication;
  url: string;
  /** The answer of a path: its status, and what it says. */
  ask(path: string): Promise<{ status: number; body: Readiness }>;
}

export interface Readiness {
  status: string;
  details?: Record<string, { status: 'up' | 'down'; message?: string }>;
}

/** What workers work on: a Redis, a workspace, a model store with the script pipeline, and an installation id. Tasks are put in as the api does. */
export class WorkerSite {
  readonly docker = new DockerFixture();
  private readonly queues = new Map<QualityTier, Queue>();
  private readonly apps: INestApplication[] = [];

  private constructor(
    readonly redis: RedisFixture,
    readonly folder: TempFolder,
    readonly connection: Redis,
    readonly store: TaskStore,
  ) {}

  static async open(): Promise<WorkerSite> {
    const redis = await RedisFixture.start();
    const folder = await tempFolder();
    const connection = connectRedis(redis.url, 'worker', () => undefined);
    const site = new WorkerSite(redis, folder, connection, new TaskStore(connection, { retentionMs: 60_000 }));
    await chmod(folder.path, 0o755);
    await mkdir(site.workspace);
    await initStore(site.models);
    await writeFile(join(folder.path, 'weights'), 'weights');
    await installModel(site.models, scriptModel(), [{ from: join(folder.path, 'weights'), name: 'weights.bin' }]);
    await installPipeline(site.models, 'image', scriptPipeline(await testBaseImage()));
    return site;
  }

  get workspace(): string {
    return join(this.folder.path, 'workspace');
  }

  get models(): string {
    return join(this.folder.path, 'models');
  }

  /** The environment of a worker of this site. */
  environment(changes: Record<string, string> = {}): Record<string, string> {
    return {
      REDIS_URL: this.redis.url, WORKSPACE_ROOT: this.workspace, MODELS_ROOT: this.models, INSTALL_ID: this.docker.installId, IMAGE_PULL: 'never', GPU_INVENTORY: 'none', PROGRESS_PER_SECOND: '0',
      ...(process.env['DOCKER_HOST'] === undefined ? {} : { DOCKER_HOST: process.env['DOCKER_HOST'] }), ...changes,
    };
  }

  /** Starts a worker in this process; it is closed with the site, if not before. */
  async startInProcess(changes: Record<string, string> = {}): Promise<InProcessWorker> {
    const config = loadWorkerConfig(this.environment(changes));
    const module = await Test.createTestingModule({ imports: [WorkerModule.with(config)] })
      // Its thread runs built programs alone; watchdog.int.spec.ts has one.
      .overrideProvider(Watchdog).useValue({ start: () => undefined, stop: () => undefined })
      .overrideProvider(LOGGER).useValue(createLogger('silent', config.workerId))
      .compile();
    const app = module.createNestApplication({ logger: false });
    this.apps.push(app);
    await app.listen(0, '127.0.0.1');
    const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
    return {
      app, url,
      ask: async (path) => {
        const response = await fetch(`${url}${path}`);
        return { status: response.status, body: (await response.json()) as Readiness };
      },
    };
  }

  /** Creates a task, queues it and says so. */
  async submit(script: string, { tier = 'high', priority = 'normal', ...changes }: TestJobChanges & { tier?: QualityTier; priority?: TaskPriority } = {}): Promise<TaskIdentity> {
    const payload = testJob(script, changes);
    const task: TaskIdentity = { taskId: uuidv7(), nodeId: payload.parameters.node_id, projectId: payload.parameters.project_id };
    await this.store.create({ ...task, nodeType: payload.node_type, projectName: payload.trace.project_name, pipelineId: payload.pipeline_id, quality: tier, submittedAt: payload.submitted_at }, undefined);
    let queue = this.queues.get(tier);
    if (queue === undefined) {
      queue = new Queue(queueName(tier), { connection: this.connection, defaultJobOptions: { removeOnComplete: true, removeOnFail: true, attempts: 3, backoff: { type: 'fixed', delay: 1000 } } });
      queue.on('error', () => undefined);
      this.queues.set(tier, queue);
    }
    const number = BULLMQ_PRIORITY[priority];
    await queue.add(JOB_NAME, payload, { jobId: task.taskId, ...(number === 0 ? {} : { priority: number }) });
    const message: SchedulerMessage = { kind: 'waiting', task: waitingTaskOf(task.taskId, tier, payload, priority) };
    await this.connection.publish(schedulerChannel, JSON.stringify(message));
    return task;
  }

  /** How many jobs the tier's queue still holds, in any state. */
  async jobs(tier: QualityTier): Promise<number> {
    const counts = (await this.queues.get(tier)?.getJobCounts()) ?? {};
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  }

  events({ taskId }: TaskIdentity): Promise<TaskEvent[]> {
    return this.store.events(taskId, 0);
  }

  /** Waits until the task's log tells of `step`. */
  reached(task: TaskIdentity, step: string, timeoutMs = 20_000): Promise<TaskEvent> {
    return waitFor(`the step ${step}`, async () => (await this.events(task)).find((event) => event.step === step), timeoutMs);
  }

  /** Waits for the task's end and checks what every log must show from outside. */
  async end(task: TaskIdentity, timeoutMs = 20_000): Promise<{ last: TaskEvent; log: TaskEvent[] }> {
    await waitFor(`the end of ${task.taskId}`, async () => ['completed', 'failed', 'cancelled'].includes((await this.store.read(task.taskId))?.state ?? ''), timeoutMs);
    const log = await this.events(task);
    const ends = log.filter(({ status }) => ['completed', 'failed', 'cancelled'].includes(status));
    const last = log.at(-1);
    const gapless = log.every(({ seq }, index) => seq === index + 1);
    const rising = log.every(({ attempt, progress }, index) => (log[index - 1]?.attempt ?? attempt) !== attempt || progress >= (log[index - 1]?.progress ?? 0));
    if (last === undefined || ends.length !== 1 || ends[0] !== last || !gapless || !rising) throw new Error(`a log that breaks the rules: ${JSON.stringify(log)}`);
    return { last, log };
  }

  async close(): Promise<void> {
    for (const app of this.apps) await app.close();
    for (const queue of this.queues.values()) await queue.close();
    this.connection.disconnect();
    await this.docker.stop();
    await this.redis.stop();
    await this.folder.remove();
  }
}
