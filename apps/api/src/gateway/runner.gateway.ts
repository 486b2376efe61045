/**
 * The door for editors: Socket.IO on the namespace `/`.
 *
 * Each request is checked, handed on, and answered twice with the same payload: through the acknowledgement callback
 * where there is one, and as an event. Nothing that a client sends makes a handler throw. The rooms of a socket are
 * the tasks, batches and projects that it follows; a disconnect empties them and stops nothing.
 */
import { Logger } from '@nestjs/common';
import { Ack, ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway, type OnGatewayInit } from '@nestjs/websockets';
import type { Server, Socket } from 'socket.io';
import { v7 as uuidv7 } from 'uuid';
import type { BatchAcknowledgedPayload, BatchItemOutcome, CancelAcknowledgedPayload, ClientEvent } from '@function-runner/progress-protocol';
import { TaskError } from '@function-runner/task-contract';
import type { TaskRecord } from '@function-runner/task-store';
import { BatchService, type PreparedItem } from '../dispatch/batch.service.js';
import { CancelService } from '../dispatch/cancel.service.js';
import { DispatchService, type PreparedTask, type StartedTask } from '../dispatch/dispatch.service.js';
import { StartGate } from '../dispatch/start-gate.js';
import { GatewayOptions } from './gateway-options.js';
import { Drain } from '../lifecycle/drain.js';
import { ApiMetrics } from '../metrics/api-metrics.js';
import { BatchTracker } from '../progress/batch-tracker.js';
import { hasDrained } from '../progress/has-drained.js';
import { ProgressRelay } from '../progress/progress-relay.js';
import { RecentIds } from '../progress/recent-ids.js';
import { rooms } from '../progress/rooms.js';
import { SlowClients } from '../progress/slow-clients.js';
import { toTaskSummary } from '../progress/task-summary.js';
import { SLOW_BYTES, unsentBytes } from '../progress/unsent-bytes.js';
import { toTaskError } from '../redis/redis-fault.js';
import { CancelGenerationDto } from './cancel-generation.dto.js';
import { toErrorPayload } from './error-payload.js';
import { parseRequest } from './parse-request.js';
import { checkPayloadLimits } from './payload-limits.js';
import { ProjectSubscriptionDto } from './project-subscription.dto.js';
import { ResumeTaskDto } from './resume-task.dto.js';
import { StartBatchDto } from './start-batch.dto.js';
import { StartGenerationDto } from './start-generation.dto.js';
import { stopReading } from './stop-reading.js';

/** Tasks, batches and projects that one socket may follow: enough for four full batches, little enough to bound its memory. */
const MAX_ROOMS = 2_000;

/** Newest tasks in a project's snapshot. */
const SNAPSHOT_TASKS = 200;

/** How often the sockets that are being closed are counted, milliseconds. */
const CLOSE_LOOK_MS = 10;

/** The part of the time to leave over which clients are asked to spread, so that the last has some of it left. */
const SPREAD = 0.5;

/** Tasks that a connection remembers having been told of; of one that it forgets, a repeated start tells again. */
const MAX_TOLD = 2_000;

/** What a request is answered with. */
interface Answer {
  event: string;
  payload: object;
}

@WebSocketGateway()
export class RunnerGateway implements OnGatewayInit<Server> {
  private readonly logger = new Logger('Gateway');
  /** The tasks whose events a connection has got, or is getting. */
  private readonly told = new WeakMap<Socket, RecentIds>();
  /** Ends of {@link stopReading}. */
  private readonly unread: (() => void)[] = [];
  private server: Server | undefined;

  constructor(
    private readonly dispatch: DispatchService,
    private readonly batches: BatchService,
    private readonly cancels: CancelService,
    private readonly gate: StartGate,
    private readonly relay: ProgressRelay,
    private readonly tracker: BatchTracker,
    private readonly slowClients: SlowClients,
    private readonly drain: Drain,
    private readonly metrics: ApiMetrics,
    private readonly options: GatewayOptions,
  ) {}

  afterInit(server: Server): void {
    this.server = server;
    this.relay.open(server);
    this.tracker.open(server);
    this.slowClients.open(server);
    this.metrics.watch('function_runner_sockets_connected', 'Sockets connected to this process.', () => server.of('/').sockets.size);
    this.metrics.watch('function_runner_watched_tasks', 'Tasks whose events this process forwards.', () => this.relay.watchedTasks);
  }

  /**
   * Asks every client to connect again, which leads to another process, each in a moment of its own. They are served until
   * they go; resolves when all have gone or the time is over.
   */
  async sendAway(limitMs: number): Promise<void> {
    for (const socket of this.sockets()) socket.emit('server_closing', { reconnectInMs: Math.round(Math.random() * limitMs * SPREAD) });
    await this.untilGone(limitMs);
  }

  /** Takes no further request of any socket; those under way go on. */
  stopReading(): void {
    for (const socket of this.sockets()) this.unread.push(stopReading(socket));
  }

  /**
   * Closes every connection, after the answers that are on their way. The connection and not the socket: a client takes that for
   * a fault of the network, and connects again by itself. Resolves when all have gone or the time is over.
   */
  async closeSockets(limitMs: number): Promise<void> {
    for (const socket of this.sockets()) socket.conn.close();
    for (const resume of this.unread.splice(0)) resume();
    await this.untilGone(limitMs);
  }

  @SubscribeMessage('start_generation')
  async startGeneration(@ConnectedSocket() socket: Socket, @MessageBody() body: unknown, @Ack() ack: unknown): Promise<void> {
    const arrived = performance.now();
    await this.serve(socket, 'start_generation', body, ack, async (answer) => {
      const request = parseRequest(StartGenerationDto, body);
      checkRoom(socket, 1);
      const { acknowledged: { taskId }, created } = await this.startWhileListening(request.projectId, () => this.dispatch.prepare(request), async (task) => {
        if (task.kind === 'new') this.relay.hold(task.task);
        try {
          const started = await this.dispatch.commit(task);
          answer({ event: 'task_acknowledged', payload: started.acknowledged });
          this.metrics.acknowledgement.observe((performance.now() - arrived) / 1000);
          if (started.created) this.joinTask(socket, started.acknowledged.taskId);
          return started;
        } finally {
          if (task.kind === 'new') this.relay.letGo(task.task.taskId);
        }
      });
      if (!created) await this.tellAgain(socket, taskId);
    });
  }

  @SubscribeMessage('start_batch')
  async startBatch(@ConnectedSocket() socket: Socket, @MessageBody() body: unknown, @Ack() ack: unknown): Promise<void> {
    await this.serve(socket, 'start_batch', body, ack, async (answer) => {
      const batch = parseRequest(StartBatchDto, body);
      checkRoom(socket, batch.items.length + 1);
      const batchId = batch.batchId ?? uuidv7();
      const { projectId } = batch;
      const checked = batch.items.map((item, index) => checkItem(item, projectId, batchId, index));
      const requests = checked.flatMap((item) => (item instanceof TaskError ? [] : [item]));
      const started = await this.startWhileListening(projectId, () => this.batches.prepare(batchId, projectId, requests), async (prepared) => {
        const fresh = prepared.flatMap((item) => (isFresh(item) ? [item.prepared.task] : []));
        for (const task of fresh) this.relay.hold(task);
        try {
          const outcomes = await this.batches.commit(batchId, projectId, prepared);
          answer({ event: 'batch_acknowledged', payload: describeBatch(batchId, batch.items, checked, outcomes) });
          const begun = outcomes.flatMap((outcome) => (outcome instanceof TaskError ? [] : [outcome]));
          for (const { acknowledged, created } of begun) if (created) this.joinTask(socket, acknowledged.taskId);
          join(socket, rooms.batch(batchId));
          return begun;
        } finally {
          for (const task of fresh) this.relay.letGo(task.taskId);
        }
      });
      for (const { acknowledged, created } of started) if (!created) await this.tellAgain(socket, acknowledged.taskId);
      await this.tracker.follow(batchId, projectId);
    });
  }

  @SubscribeMessage('cancel_generation')
  async cancelGeneration(@ConnectedSocket() socket: Socket, @MessageBody() body: unknown, @Ack() ack: unknown): Promise<void> {
    await this.serve(socket, 'cancel_generation', body, ack, async (answer) => {
      const { taskId, batchId } = parseRequest(CancelGenerationDto, body);
      if (taskId !== undefined) {
        const payload: CancelAcknowledgedPayload = await this.cancels.cancel(taskId, 'cancelled by a client');
        answer({ event: 'cancel_acknowledged', payload });
      } else if (batchId !== undefined) {
        answer({ event: 'cancel_acknowledged', payload: { batchId, tasks: await this.cancels.cancelBatch(batchId, 'cancelled by a client') } });
      }
    });
  }

  @SubscribeMessage('resume_task')
  async resumeTask(@ConnectedSocket() socket: Socket, @MessageBody() body: unknown, @Ack() ack: unknown): Promise<void> {
    await this.serve(socket, 'resume_task', body, ack, async (answer) => {
      const { taskId, lastSeq } = parseRequest(ResumeTaskDto, body);
      checkRoom(socket, 2);
      let resumed: TaskRecord | undefined;
      await this.tellFrom(socket, taskId, lastSeq ?? 0, (record) => {
        resumed = record;
        this.toldTo(socket).add(taskId);
        answer({ event: 'task_resumed', payload: { taskId, status: record.state, lastSeq: record.seq } });
      });
      if (resumed?.batchId === undefined) return;
      // Of an ended task too: its batch may go on, or have ended while nobody could tell this client.
      join(socket, rooms.batch(resumed.batchId));
      await this.tracker.followAgain(resumed.batchId, resumed.projectId, socket);
    });
  }

  @SubscribeMessage('subscribe_project')
  async subscribeProject(@ConnectedSocket() socket: Socket, @MessageBody() body: unknown, @Ack() ack: unknown): Promise<void> {
    await this.serve(socket, 'subscribe_project', body, ack, async (answer) => {
      const { projectId } = parseRequest(ProjectSubscriptionDto, body);
      checkRoom(socket, 1);
      await this.relay.followProject(projectId, SNAPSHOT_TASKS, {
        open: (records) => answer({ event: 'project_snapshot', payload: { projectId, tasks: records.map(toTaskSummary) } }),
        event: (event) => send(socket, event),
        join: () => join(socket, rooms.project(projectId)),
      });
    });
  }

  @SubscribeMessage('unsubscribe_project')
  async unsubscribeProject(@ConnectedSocket() socket: Socket, @MessageBody() body: unknown, @Ack() ack: unknown): Promise<void> {
    await this.serve(socket, 'unsubscribe_project', body, ack, async (answer) => {
      const { projectId } = parseRequest(ProjectSubscriptionDto, body);
      await socket.leave(rooms.project(projectId));
      answer({ event: 'project_unsubscribed', payload: { projectId } });
    });
  }

  private sockets(): Socket[] {
    return [...(this.server?.of('/').sockets.values() ?? [])];
  }

  private async untilGone(limitMs: number): Promise<void> {
    const deadline = performance.now() + limitMs;
    while ((this.server?.engine.clientsCount ?? 0) > 0 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, CLOSE_LOOK_MS));
  }

  /** Runs a request, and answers for it where it fails. Never throws. */
  private async serve(socket: Socket, name: string, body: unknown, ack: unknown, work: (answer: (answer: Answer) => void) => Promise<void>): Promise<void> {
    let answered = false;
    const answer = ({ event, payload }: Answer): void => {
      answered = true;
      socket.emit(event, payload);
      if (typeof ack === 'function') (ack as (payload: object) => void)(payload);
    };
    try {
      await this.drain.run(async () => {
        checkPayloadLimits(body, this.options.maxPayload);
        await work(answer);
      });
      this.metrics.requests.inc({ name, outcome: 'ok' });
    } catch (thrown) {
      const error = toTaskError(thrown, 'INTERNAL');
      if (error.code === 'INTERNAL') this.logger.error({ msg: `${name} failed`, err: error.cause ?? error });
      this.metrics.requests.inc({ name, outcome: error.code });
      // After the answer only the way to the live events can fail; the client must know, and resume.
      const payload = toErrorPayload(error, body);
      if (answered) socket.emit('task_error', payload);
      else answer({ event: 'task_error', payload });
    }
  }

  /** Does the first trip of a start while the project's channel is made sure of; then, listening, `work`. */
  private startWhileListening<P, R>(projectId: string, prepare: () => Promise<P>, work: (prepared: P) => Promise<R>): Promise<R> {
    return this.gate.pass(projectId, () => this.listenWhile(projectId, prepare, work));
  }

  private async listenWhile<P, R>(projectId: string, prepare: () => Promise<P>, work: (prepared: P) => Promise<R>): Promise<R> {
    const listening = this.relay.listen(projectId);
    try {
      const [prepared] = await Promise.all([prepare(), listening]);
      return await work(prepared);
    } finally {
      // However late it comes; that it never did is told by what was thrown.
      void listening.then((letGo) => letGo(), () => undefined);
    }
  }

  /** A repeated start: unless this connection has been told already, it is told the first task's story from the beginning. */
  private async tellAgain(socket: Socket, taskId: string): Promise<void> {
    const told = this.toldTo(socket);
    if (told.has(taskId)) return;
    told.add(taskId);
    await this.tellFrom(socket, taskId, 0, () => undefined);
  }

  /** Tells a task's story after `lastSeq`, and what comes. Where that fails it is not told: a start that is sent again tries once more. */
  private async tellFrom(socket: Socket, taskId: string, lastSeq: number, open: (record: TaskRecord) => void): Promise<void> {
    try {
      await this.relay.resume(taskId, lastSeq, {
        open, event: (event) => send(socket, event), drained: () => this.hasRead(socket), join: () => join(socket, rooms.task(taskId)),
      });
    } catch (error) {
      if (!socket.rooms.has(rooms.task(taskId))) this.toldTo(socket).delete(taskId);
      throw error;
    }
  }

  private hasRead(socket: Socket): Promise<boolean> {
    return hasDrained(() => unsentBytes(socket) > SLOW_BYTES, () => !socket.connected || this.drain.isDraining);
  }

  private joinTask(socket: Socket, taskId: string): void {
    this.toldTo(socket).add(taskId);
    join(socket, rooms.task(taskId));
  }

  private toldTo(socket: Socket): RecentIds {
    const known = this.told.get(socket);
    if (known !== undefined) return known;
    const fresh = new RecentIds(MAX_TOLD);
    this.told.set(socket, fresh);
    return fresh;
  }
}

/** @throws TaskError RATE_LIMITED where the socket follows too much already */
function checkRoom(socket: Socket, wanted: number): void {
  if (socket.rooms.size + wanted <= MAX_ROOMS) return;
  throw new TaskError('RATE_LIMITED', `one connection may follow ${MAX_ROOMS} tasks and projects; wait until some have ended, or open another connection`);
}

/** Joins without a wait. A socket that has gone must not be put into a room: nothing would take it out again. */
function join(socket: Socket, room: string): void {
  if (socket.connected) void socket.join(room);
}

function send(socket: Socket, { name, payload }: ClientEvent): void {
  socket.emit(name, payload);
}

function isFresh(item: PreparedItem): item is PreparedItem & { prepared: Extract<PreparedTask, { kind: 'new' }> } {
  return !(item.prepared instanceof TaskError) && item.prepared.kind === 'new';
}

/** An item of a batch as the request that it is; its request id makes a batch that is sent again harmless. */
function checkItem(item: unknown, projectId: string, batchId: string, index: number): (StartGenerationDto & { requestId: string; batchId: string }) | TaskError {
  try {
    const plain = typeof item === 'object' && item !== null && !Array.isArray(item) ? { ...item, projectId } : item;
    const request = parseRequest(StartGenerationDto, plain);
    return { ...request, requestId: request.requestId ?? `${batchId}:${index}`, batchId };
  } catch (error) {
    return toTaskError(error, 'INTERNAL');
  }
}

/** The answer to a batch: an outcome an item, in the items' order. */
function describeBatch(batchId: string, items: readonly unknown[], checked: readonly (StartGenerationDto | TaskError)[], outcomes: readonly (StartedTask | TaskError)[]): BatchAcknowledgedPayload {
  const started = outcomes[Symbol.iterator]();
  const tasks = checked.map((item, index): BatchItemOutcome => {
    const outcome = item instanceof TaskError ? item : (started.next().value as StartedTask | TaskError);
    if (outcome instanceof TaskError) {
      const { nodeId, error, code, requestId, details } = toErrorPayload(outcome, items[index]);
      return { nodeId: nodeId ?? '', error, code, ...(requestId === undefined ? {} : { requestId }), ...(details === undefined ? {} : { details }) };
    }
    const { nodeId, taskId, status, requestId } = outcome.acknowledged;
    return { nodeId, taskId, status, ...(requestId === undefined ? {} : { requestId }) };
  });
  return { batchId, tasks };
}
