import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { io, type Socket } from 'socket.io-client';
import { keys } from '@function-runner/progress-protocol';
import { connectRedis, TaskStore, type TaskIdentity } from '@function-runner/task-store';
import { waitFor, type RedisFixture } from '@function-runner/testing';
import { readConfig } from './config/read-config.js';
import { createApi, type RunningApi } from './create-api.js';
import { JsonLogger } from './lifecycle/json-logger.service.js';

export interface ReceivedEvent {
  name: string;
  payload: Record<string, unknown>;
}

/** A real Socket.IO client that remembers what it gets, in order. */
export class RecordingClient {
  readonly received: ReceivedEvent[] = [];

  constructor(readonly socket: Socket) {
    socket.onAny((name: string, payload: Record<string, unknown>) => this.received.push({ name, payload }));
  }

  /** Sends a request and resolves with the payload of its acknowledgement. */
  async request(name: string, payload?: unknown): Promise<Record<string, unknown>> {
    return (await this.socket.timeout(10_000).emitWithAck(name, payload)) as Record<string, unknown>;
  }

  /** The durable events of a task so far. */
  eventsOf(taskId: unknown): ReceivedEvent[] {
    return this.received.filter(({ name, payload }) => /^task_(progress|success|failed|cancelled)$/.test(name) && payload['taskId'] === taskId);
  }

  seqsOf(taskId: unknown): unknown[] {
    return this.eventsOf(taskId).map(({ payload }) => payload['seq']);
  }

  named(name: string): Record<string, unknown>[] {
    return this.received.filter((event) => event.name === name).map(({ payload }) => payload);
  }

  async waitForEvent(name: string, match: (payload: Record<string, unknown>) => boolean = () => true): Promise<Record<string, unknown>> {
    return waitFor(`the event ${name}`, () => this.named(name).find(match));
  }
}

/** A whole api on a real Redis, with clients, and a task store of its own that plays the worker. */
export class ApiFixture {
  private readonly clients: Socket[] = [];
  private stopped: Promise<void> | undefined;

  private constructor(
    private readonly api: RunningApi,
    private readonly workspace: string,
    readonly redis: Redis,
    readonly store: TaskStore,
  ) {}

  /**
   * @param options.narrated whether waiting tasks are told where they stand. Not unless asked for: the fixture then is the
   * narrator by name and says nothing, so that a spec that counts events sees its own alone, however long it takes. The same
   * goes for repairs: a spec that plays a worker without taking jobs must not be mended.
   */
  static async start(redis: RedisFixture, environment: Record<string, string> = {}, { narrated = false } = {}): Promise<ApiFixture> {
    const connection = connectRedis(redis.url, 'worker', () => undefined);
    for (const duty of narrated ? [keys.reconciler] : [keys.narrator, keys.reconciler]) await connection.set(duty, 'fixture', 'PX', 3_600_000);
    const workspace = await mkdtemp(join(tmpdir(), 'function-runner-api-'));
    const config = readConfig({ PORT: '0', REDIS_URL: redis.url, WORKSPACE_ROOT: workspace, LAST_CALL: '0ms', ...environment });
    const api = await createApi(config, new JsonLogger('silent'));
    return new ApiFixture(api, workspace, connection, new TaskStore(connection, { retentionMs: config.eventRetentionMs }));
  }

  get url(): string {
    return this.api.url;
  }

  async connect(options: { origin?: string } = {}): Promise<RecordingClient> {
    const socket = io(this.url, { transports: ['websocket'], forceNew: true, reconnection: false, ...(options.origin === undefined ? {} : { extraHeaders: { Origin: options.origin } }) });
    this.clients.push(socket);
    const client = new RecordingClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    return client;
  }

  async putProject(id: string, quality = 'standard'): Promise<void> {
    await this.fetch(`/v1/projects/${id}`, { method: 'PUT', body: JSON.stringify({ name: `Film ${id}`, quality }) });
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, { ...init, headers: { ...(init.body === undefined ? {} : { 'Content-Type': 'application/json' }), ...init.headers } });
  }

  /** Plays a worker: takes the task, reports `reports` times, and completes it. */
  async runTask(identity: TaskIdentity, reports: number): Promise<void> {
    const begun = await this.store.begin(identity, 'worker-1', 3);
    if (begun.kind !== 'started') throw new Error(`the task did not start: ${begun.kind}`);
    for (let report = 1; report <= reports; report += 1) {
      await this.store.append(identity, begun.attempt, 'running', { progress: (100 * report) / (reports + 1), step: `step ${report}` });
    }
    await this.complete(identity, begun.attempt);
  }

  async complete(identity: TaskIdentity, attempt: number): Promise<void> {
    await this.store.finish(identity, attempt, {
      state: 'completed', result: { outputPath: '/workspace/x', outputs: [], metadata: { pipelineId: 'p', durationMs: 1, queuedMs: 1, attempt } },
    });
  }

  stop(): Promise<void> {
    this.stopped ??= this.api.stop();
    return this.stopped;
  }

  async dispose(): Promise<void> {
    for (const socket of this.clients) socket.disconnect();
    await this.stop();
    this.redis.disconnect();
    await rm(this.workspace, { recursive: true, force: true });
  }
}

/** The seqs 1 to `last`. */
export function seqs(last: number): number[] {
  return Array.from({ length: last }, (_unused, index) => index + 1);
}
