/**
 * Tells clients how their batches stand.
 *
 * Owns, for each batch that somebody here follows (its room, or its project's), the state of its tasks. It is derived
 * from the stored batch, the tasks' records and their events, and can be thrown away and made again at any moment;
 * Redis counts nothing, and any process takes up what another one tracked. What must stay true: a socket is told the end
 * of a batch once, however often it asks, and after the last task's own terminal event.
 */
import { Logger } from '@nestjs/common';
import type { Server, Socket } from 'socket.io';
import type { BatchProgressPayload, TaskEvent } from '@function-runner/progress-protocol';
import { isTerminal } from '@function-runner/task-contract';
import type { TaskRecord, TaskStore } from '@function-runner/task-store';
import { isBatchOver, tallyBatch, type BatchTask } from './batch-tally.js';
import type { ProgressRelay } from './progress-relay.js';
import { RecentIds } from './recent-ids.js';
import { rooms } from './rooms.js';
import { ToldBatches } from './told-batches.js';

/** At most five `batch_progress` a second a batch. */
const REPORT_EVERY_MS = 200;

/** Completed batches remembered, so that a late event does not complete one again. */
const MAX_COMPLETED = 5_000;

/** Batches whose end one socket is remembered to have heard. */
const MAX_TOLD = 2_000;

interface TrackedBatch {
  readonly batchId: string;
  readonly projectId: string;
  readonly tasks: Map<string, BatchTask>;
  /** The report that is due. */
  timer: NodeJS.Timeout | undefined;
  lastReportAt: number;
}

export class BatchTracker {
  private readonly logger = new Logger('Batches');
  private readonly batches = new Map<string, TrackedBatch>();
  private readonly loading = new Map<string, TaskEvent[]>();
  private readonly completed = new RecentIds(MAX_COMPLETED);
  private readonly told = new WeakMap<Socket, ToldBatches>();
  private server: Server | undefined;

  constructor(
    private readonly relay: ProgressRelay,
    private readonly store: TaskStore,
  ) {}

  /** Starts to report to the sockets of `server`. Call once. */
  open(server: Server): void {
    this.server = server;
    this.relay.observe((event) => this.onEvent(event));
    server.of('/').adapter.on('delete-room', () => this.dropUnfollowed());
  }

  close(): void {
    for (const batch of this.batches.values()) clearTimeout(batch.timer);
    this.batches.clear();
  }

  /** Takes up a batch that was just started, or continued, by whoever has joined its room: all its tasks are watched from here on. */
  async follow(batchId: string, projectId: string): Promise<void> {
    if (this.batches.has(batchId) || this.loading.has(batchId)) return;
    // It may have been continued with further tasks.
    this.completed.delete(batchId);
    await this.load(batchId, projectId, []);
  }

  /** Takes up a batch for a socket that came back to one of its tasks, and has joined its room; nothing where it has heard the end. */
  async followAgain(batchId: string, projectId: string, socket: Socket): Promise<void> {
    if (this.completed.has(batchId) && this.told.get(socket)?.has(batchId) === true) void socket.leave(rooms.batch(batchId));
    else await this.follow(batchId, projectId);
  }

  private onEvent(event: TaskEvent): void {
    const { batch_id: batchId, project_id: projectId } = event;
    if (batchId === undefined || this.completed.has(batchId)) return;
    const batch = this.batches.get(batchId);
    if (batch !== undefined) this.apply(batch, event);
    else if (this.loading.has(batchId)) this.loading.get(batchId)?.push(event);
    else if (this.isFollowed(batchId, projectId)) void this.load(batchId, projectId, [event]);
  }

  /** Reads a batch; `events` are those that told of it, and grow while it is read. */
  private async load(batchId: string, projectId: string, events: TaskEvent[]): Promise<void> {
    const heardOf = events.length > 0;
    this.loading.set(batchId, events);
    try {
      const stored = await this.store.readBatch(batchId);
      if (stored === undefined || stored.projectId !== projectId) return;
      const records = await this.store.readMany(stored.taskIds);
      const byId = new Map(records.map((record) => [record.taskId, record]));
      const tasks = new Map(stored.taskIds.map((taskId) => [taskId, fromRecord(byId.get(taskId))]));
      const batch: TrackedBatch = { batchId, projectId, tasks, timer: undefined, lastReportAt: -Infinity };
      this.batches.set(batchId, batch);
      await Promise.all(records.filter(({ state }) => !isTerminal(state)).map((record) => this.relay.watchForBatch(record)));
      for (const event of events) this.apply(batch, event);
      // Found over when asked for: its project has heard of it when it ended.
      if (this.batches.get(batchId) === batch) this.report(batch, heardOf);
      this.dropUnfollowed();
    } catch (error) {
      this.logger.warn(`the batch ${batchId} cannot be read: ${String(error)}; its next event tries again`);
    } finally {
      this.loading.delete(batchId);
    }
  }

  private apply(batch: TrackedBatch, event: TaskEvent): void {
    const task = batch.tasks.get(event.task_id);
    if (task !== undefined && event.seq <= task.seq) return;
    // A task that is not among the stored ones joined the batch after it was read.
    batch.tasks.set(event.task_id, { state: event.status, seq: event.seq, progress: event.progress });
    this.report(batch);
  }

  /** Sends the tally now or when it is due; the end of the batch does not wait. */
  private report(batch: TrackedBatch, toProject = true): void {
    const tally = tallyBatch(batch.batchId, [...batch.tasks.values()]);
    if (isBatchOver(tally)) {
      this.sendEnd(batch, tally, toProject);
      this.completed.add(batch.batchId);
      this.forget(batch);
      this.server?.in(rooms.batch(batch.batchId)).socketsLeave(rooms.batch(batch.batchId));
      return;
    }
    if (batch.timer !== undefined) return;
    const wait = Math.max(0, batch.lastReportAt + REPORT_EVERY_MS - performance.now());
    batch.timer = setTimeout(() => {
      batch.timer = undefined;
      batch.lastReportAt = performance.now();
      this.server?.to([rooms.batch(batch.batchId), rooms.project(batch.projectId)]).emit('batch_progress', tallyBatch(batch.batchId, [...batch.tasks.values()]));
    }, wait).unref();
  }

  /** To each socket that has not heard it yet: one that comes back to several tasks of the batch asks several times. */
  private sendEnd({ batchId, projectId }: TrackedBatch, tally: BatchProgressPayload, toProject: boolean): void {
    const namespace = this.server?.of('/');
    const followers = [rooms.batch(batchId), ...(toProject ? [rooms.project(projectId)] : [])].flatMap((room) => [...(namespace?.adapter.rooms.get(room) ?? [])]);
    for (const id of new Set(followers)) {
      const socket = namespace?.sockets.get(id);
      if (socket === undefined || !this.toldTo(socket).tell(batchId, tally.total)) continue;
      socket.emit('batch_progress', tally);
      socket.emit('batch_completed', tally);
    }
  }

  private toldTo(socket: Socket): ToldBatches {
    const known = this.told.get(socket);
    if (known !== undefined) return known;
    const fresh = new ToldBatches(MAX_TOLD);
    this.told.set(socket, fresh);
    return fresh;
  }

  private dropUnfollowed(): void {
    for (const batch of [...this.batches.values()]) if (!this.isFollowed(batch.batchId, batch.projectId)) this.forget(batch);
  }

  private forget(batch: TrackedBatch): void {
    clearTimeout(batch.timer);
    this.batches.delete(batch.batchId);
  }

  private isFollowed(batchId: string, projectId: string): boolean {
    const occupied = this.server?.of('/').adapter.rooms;
    return occupied !== undefined && (occupied.has(rooms.batch(batchId)) || occupied.has(rooms.project(projectId)));
  }
}

/** A task of the batch whose record is not there (yet) waits. */
function fromRecord(record: TaskRecord | undefined): BatchTask {
  return record === undefined ? { state: 'queued', seq: 0, progress: 0 } : { state: record.state, seq: record.seq, progress: record.progress };
}
