/**
 * Carries the events of tasks from Redis to the clients of this process, in order, none missed, none twice.
 *
 * Every api process relays from Redis itself, so rooms are local and Socket.IO needs no Redis adapter: an event
 * crosses the network once per process, not once per process and again between processes.
 *
 * Owns, for each project that somebody here follows, the tasks under watch and how far each has been forwarded.
 * Who follows what is told by Socket.IO's rooms, the one truth of it: `task:<id>` and `project:<id>`; streams (SSE)
 * and windows (see {@link Window}) come on top. What must stay true:
 *   - an event is forwarded only as the next of its task; what pub/sub missed is read from the log, one read of a
 *     task at a time;
 *   - between the check how far a task has been forwarded and the join of its room nothing is awaited;
 *   - after a loss of the connection whoever followed a task is told what was missed before anybody new is let in: from
 *     what a newcomer is shown on, the task counts as told to all;
 *   - after a task's terminal event its room is left and its entry dropped; its id is remembered for a while, or a
 *     late message would tell the whole story again;
 *   - a project that nobody follows is not heard.
 */
import { Logger } from '@nestjs/common';
import type { Server } from 'socket.io';
import { decodeEvent, isPreview, toClientEvent, toClientPreview, type ClientEvent, type PreviewMessage, type TaskErrorPayload, type TaskEvent } from '@function-runner/progress-protocol';
import { isTerminal, TaskError } from '@function-runner/task-contract';
import type { TaskIdentity, TaskRecord, TaskStore } from '@function-runner/task-store';
import type { ApiMetrics } from '../metrics/api-metrics.js';
import { toTaskError } from '../redis/redis-fault.js';
import type { EventFeed } from './event-feed.js';
import { RecentIds } from './recent-ids.js';
import { rooms } from './rooms.js';
import { fill, hasGap, offer, release, setBack, type TaskCursor } from './task-cursor.js';
import { withinTime } from './within-time.js';

/** Ended tasks remembered, so that a late message of one is known as such. */
const MAX_ENDED = 20_000;

/** Events that one window may collect while a snapshot is read. */
const MAX_WINDOW = 20_000;

/** Pause before a log that could not be read is read again, milliseconds. */
const RETRY_MS = 500;

/** Tasks of a project looked through for ones that came while the connection was lost; as many as a snapshot shows. */
const LOOK_BACK_TASKS = 200;

/** Events of a task's past that are sent before its reader is asked whether it has read them: some hundred kilobytes. */
const PAGE_EVENTS = 500;

/** Clocks of hosts differ; a task counts as new after a loss if it was submitted this long before it, milliseconds. */
const CLOCK_SLACK_MS = 5_000;

interface WatchedTask extends TaskCursor {
  readonly taskId: string;
  readonly project: WatchedProject;
  /** Clients outside Socket.IO. */
  readonly streams: Set<TaskStream>;
  batchId: string | undefined;
  /** The read of the log under way. */
  filling: Promise<void> | undefined;
  /** The read of the record that says where a task met in mid-life stands. */
  adopting: Promise<void> | undefined;
  ended: boolean;
  /** Called when the task's events are let go, or it is not watched any more. */
  readonly lettingGo: (() => void)[];
}

/** A project under watch holds its channel of the feed from the first to the last moment. */
interface WatchedProject {
  readonly projectId: string;
  readonly tasks: Set<WatchedTask>;
  readonly windows: Set<Window>;
  /** Requests at work on it. */
  holders: number;
  /** The search for tasks that came while the connection was lost. */
  searching: Promise<void> | undefined;
}

/** Collects what is forwarded of a project (or one task of it) while somebody reads its past. */
interface Window {
  readonly taskId: string | undefined;
  readonly events: TaskEvent[];
  overflown: boolean;
}

export type EventSink = (event: ClientEvent) => void;

/** A client outside Socket.IO. */
export interface TaskStream {
  event: EventSink;
  /** Redis has lost the task: no end will come. */
  lost: () => void;
}

/** Where a client takes up a task again. */
export interface TaskReader {
  /** The task as it stands; called once, before any event. */
  open: (record: TaskRecord) => void;
  /** The missed events, in order. */
  event: EventSink;
  /** Resolves once what was sent has been read, so that a long past does not pile up; false where nobody reads any more. */
  drained: () => Promise<boolean>;
  /** From here on the live ones come by the room or the stream; not called when the task has ended. */
  join: () => void;
  /** A stream outside Socket.IO gets the live events here. */
  stream?: TaskStream;
}

/** Where a client takes up a project. */
export interface ProjectReader {
  open: (records: TaskRecord[]) => void;
  /** What came after the list was read. */
  event: EventSink;
  join: () => void;
}

/** Sees every event in the order in which clients do, after them. */
export type EventObserver = (event: TaskEvent) => void;

export class ProgressRelay {
  private readonly logger = new Logger('Relay');
  private readonly projects = new Map<string, WatchedProject>();
  private readonly tasks = new Map<string, WatchedTask>();
  private readonly ended = new RecentIds(MAX_ENDED);
  private readonly observers: EventObserver[] = [];
  private server: Server | undefined;
  private closed = false;

  constructor(
    private readonly feed: EventFeed,
    private readonly store: TaskStore,
    private readonly metrics: ApiMetrics,
  ) {}

  /** Starts to relay to the sockets of `server`. Call once. */
  open(server: Server): void {
    this.server = server;
    server.of('/').adapter.on('delete-room', (room: string) => this.onRoomEmpty(room));
    this.feed.open({ onMessage: (text) => this.onMessage(text), onGap: (since) => this.recover(since) });
  }

  close(): void {
    this.closed = true;
    this.feed.close();
    this.projects.clear();
    this.tasks.clear();
  }

  observe(observer: EventObserver): void {
    this.observers.push(observer);
  }

  /** Tasks under watch now. */
  get watchedTasks(): number {
    return this.tasks.size;
  }

  /**
   * Listens to a project until the returned function is called; resolves once its further events will be heard.
   * @throws TaskError UNAVAILABLE
   */
  async listen(projectId: string): Promise<() => void> {
    const project = this.projectOf(projectId);
    project.holders += 1;
    const done = (): void => {
      project.holders -= 1;
      this.settleProject(project);
    };
    try {
      await this.feed.heard(projectId);
    } catch (error) {
      done();
      throw error;
    }
    return done;
  }

  /**
   * Watches a task that is about to be created: its events wait until {@link letGo}, so that its starter hears of
   * the acknowledgement first. The project must be listened to.
   */
  hold({ taskId, projectId, batchId }: TaskIdentity): void {
    // Its request may name a task that ended and was forgotten by Redis meanwhile; this one lives.
    this.ended.delete(taskId);
    if (!this.tasks.has(taskId)) this.watch(this.projectOf(projectId), taskId, [], batchId);
  }

  /** Lets the events of a held task go; the task is dropped where nobody follows it, or where it never came to be. */
  letGo(taskId: string): void {
    const task = this.tasks.get(taskId);
    if (task?.held === undefined || task.adopting !== undefined) return;
    this.free(task);
    if (task.lastSeq === 0 && !hasGap(task) && !this.isOccupied(rooms.task(taskId))) this.unwatch(task);
    else this.settleTask(task);
  }

  /**
   * Takes up a task for a client that has seen everything up to `lastSeq`.
   * @throws TaskError TASK_NOT_FOUND | UNAVAILABLE
   */
  async resume(taskId: string, lastSeq: number, reader: TaskReader): Promise<void> {
    const known = await this.readTask(taskId);
    let told = resumesFrom(known, lastSeq);
    const isLong = known.seq - told > PAGE_EVENTS;
    if (isLong) {
      reader.open(known);
      const ahead = await this.readAhead(taskId, told, reader);
      if (ahead === undefined) return;
      told = ahead;
    }
    await this.withWindow(known.projectId, taskId, async (window) => {
      const task = await this.adoptTask(known);
      const record = await this.readTask(taskId);
      const from = isLong ? told : resumesFrom(record, lastSeq);
      // The client has seen events that have not come here yet: they must not go out again.
      if (task !== undefined && task.held === undefined && task.lastSeq < from) await this.catchUp(task);
      const log = await this.read(this.store.events(taskId, from));
      if (window.overflown) throw overflown();
      // From here to the join nothing is awaited.
      const live = task !== undefined && !task.ended;
      const upTo = live ? task.lastSeq : Infinity;
      if (!isLong) reader.open(record);
      for (const event of inOrder(from, log, window.events)) if (event.seq <= upTo) reader.event(toClientEvent(event));
      if (!live) return;
      if (reader.stream !== undefined) task.streams.add(reader.stream);
      reader.join();
    });
  }

  /** Tells a long past page by page, as fast as its reader reads. Returns the last seq told, less than a page from the log's end; undefined where nobody reads any more. */
  private async readAhead(taskId: string, from: number, reader: TaskReader): Promise<number | undefined> {
    let told = from;
    for (;;) {
      const page = await this.read(this.store.events(taskId, told, PAGE_EVENTS));
      if (page.length < PAGE_EVENTS) return told;
      for (const event of page) reader.event(toClientEvent(event));
      told = page.at(-1)?.seq ?? told;
      if (!(await reader.drained())) return undefined;
    }
  }

  /** Ends a stream that {@link resume} began. */
  endStream(taskId: string, stream: TaskStream): void {
    const task = this.tasks.get(taskId);
    if (task?.streams.delete(stream) === true) this.settleTask(task);
  }

  /**
   * Shows a project's newest tasks to a client, and lets it follow the project with no gap between the two.
   * @throws TaskError UNAVAILABLE
   */
  async followProject(projectId: string, limit: number, reader: ProjectReader): Promise<void> {
    await this.withWindow(projectId, undefined, async (window) => {
      const records = await this.read(this.store.listProject(projectId, limit));
      // What the list shows must not come as an event again, not even late: the task's last one may still be on its way.
      await this.whole(projectId);
      await Promise.all(records.map(async (record) => {
        const task = isTerminal(record.state) ? this.tasks.get(record.taskId) : await this.adoptWhole(record);
        if (task === undefined) {
          // Told to everybody by now: to those before this one as events, to this one by the list.
          this.ended.add(record.taskId);
          return;
        }
        // Its starter is being answered; what is held for it must not come after the list.
        if (task.held !== undefined) await new Promise<void>((resolve) => task.lettingGo.push(resolve));
        if (this.isWatched(task) && task.lastSeq < record.seq) await this.catchUp(task);
      }));
      if (window.overflown) throw overflown();
      // From here to the join nothing is awaited.
      reader.open(records);
      const shown = new Map(records.map(({ taskId, seq }) => [taskId, seq]));
      for (const event of window.events) if (event.seq > (shown.get(event.task_id) ?? 0)) reader.event(toClientEvent(event));
      reader.join();
    });
  }

  /** Watches a live task for the room of its batch. @throws TaskError UNAVAILABLE */
  async watchForBatch(identity: TaskIdentity): Promise<void> {
    const task = await this.adoptTask(identity);
    if (task !== undefined) this.settleTask(task);
  }

  /** Watches a task that is in the middle of its life, from where it stands. Undefined where it has ended. */
  private async adoptTask(identity: TaskIdentity): Promise<WatchedTask | undefined> {
    // Those who follow its project may have missed it; adopted before they are told, it would begin for them where it stands.
    if (!this.ended.has(identity.taskId) && !this.tasks.has(identity.taskId)) await this.whole(identity.projectId);
    return this.adoptWhole(identity);
  }

  /** The same, once {@link whole} has been true since the task was heard of. */
  private async adoptWhole({ taskId, projectId, batchId }: TaskIdentity): Promise<WatchedTask | undefined> {
    if (this.ended.has(taskId)) return undefined;
    let task = this.tasks.get(taskId);
    if (task === undefined) {
      // Held before the record is read: an event that comes meanwhile waits instead of being lost.
      task = this.watch(this.projectOf(projectId), taskId, [], batchId);
      task.adopting = this.place(task);
    }
    await task.adopting;
    return task.ended ? undefined : task;
  }

  /**
   * Resolves once everything that was published of the project before the call has come here, or is being read from the
   * logs of tasks under watch.
   * @throws TaskError UNAVAILABLE when Redis does not answer in time
   */
  private async whole(projectId: string): Promise<void> {
    await this.read(this.feed.caughtUp());
    for (let searching = this.searchOf(projectId); this.feed.hasOpenGap || searching !== undefined; searching = this.searchOf(projectId)) {
      await this.feed.whole();
      if (searching !== undefined) await withinTime(searching);
    }
  }

  private searchOf(projectId: string): Promise<void> | undefined {
    return this.projects.get(projectId)?.searching;
  }

  /** Finds out where a task stands, and lets its events go from there. */
  private async place(task: WatchedTask): Promise<void> {
    try {
      await this.feed.heard(task.project.projectId);
      const record = await this.read(this.store.read(task.taskId));
      // Or a message on its way would tell of what the record says already.
      await this.read(this.feed.caughtUp());
      const firstHeld = task.held?.[0];
      const stands = record?.seq ?? 0;
      task.lastSeq = firstHeld === undefined ? stands : Math.min(stands, firstHeld.seq - 1);
      task.adopting = undefined;
      if (firstHeld === undefined && (record === undefined || isTerminal(record.state))) this.end(task);
      else this.free(task);
    } catch (error) {
      task.ended = true;
      this.unwatch(task);
      throw error;
    }
  }

  /** Opens a window on a project, or one task of it, while `work` reads its past. */
  private async withWindow(projectId: string, taskId: string | undefined, work: (window: Window) => Promise<void>): Promise<void> {
    const done = await this.listen(projectId);
    const project = this.projectOf(projectId);
    const window: Window = { taskId, events: [], overflown: false };
    project.windows.add(window);
    try {
      await work(window);
    } finally {
      project.windows.delete(window);
      this.settleTasks(project);
      done();
    }
  }

  private onMessage(text: string): void {
    let message: TaskEvent | PreviewMessage;
    try {
      message = decodeEvent(text);
    } catch (error) {
      this.logger.warn(`a message that is no event was dropped: ${String(error)}`);
      return;
    }
    const { task_id, project_id, batch_id } = message;
    const task = this.tasks.get(task_id);
    if (isPreview(message)) {
      if (task !== undefined && task.held === undefined) this.preview(message);
      return;
    }
    if (task !== undefined) {
      this.take(task, message);
      return;
    }
    const project = this.projects.get(project_id);
    if (project === undefined || !this.isFollowed(project) || this.ended.has(task_id)) return;
    this.take(this.watch(project, task_id, undefined, batch_id), message);
  }

  private take(task: WatchedTask, event: TaskEvent): void {
    if (task.filling !== undefined) task.wantedSeq = Math.max(task.wantedSeq, event.seq);
    else this.forwardAll(task, offer(task, event));
  }

  private free(task: WatchedTask): void {
    this.forwardAll(task, release(task));
    for (const done of task.lettingGo.splice(0)) done();
  }

  private forwardAll(task: WatchedTask, events: readonly TaskEvent[]): void {
    for (const event of events) this.forward(task, event);
    if (!task.ended && hasGap(task)) this.catchUpInBackground(task);
  }

  private forward(task: WatchedTask, event: TaskEvent): void {
    const clientEvent = toClientEvent(event);
    this.server?.to([rooms.task(task.taskId), rooms.project(task.project.projectId)]).emit(clientEvent.name, clientEvent.payload);
    for (const stream of task.streams) stream.event(clientEvent);
    for (const window of task.project.windows) collect(window, event);
    this.metrics.eventsForwarded.inc({ name: clientEvent.name });
    task.batchId ??= event.batch_id;
    if (isTerminal(event.status)) this.end(task);
    for (const observer of this.observers) observer(event);
  }

  private preview(message: PreviewMessage): void {
    const [task, project] = [rooms.task(message.task_id), rooms.project(message.project_id)];
    if (!this.isOccupied(task) && !this.isOccupied(project)) return;
    this.server?.to([task, project]).except(rooms.slow).volatile.emit('task_preview', toClientPreview(message));
    this.metrics.eventsForwarded.inc({ name: 'task_preview' });
  }

  /** Reads a task's log until nothing is missing; one read at a time. @throws TaskError; it is tried again in the background */
  private catchUp(task: WatchedTask): Promise<void> {
    task.filling ??= this.readGap(task);
    return task.filling;
  }

  private catchUpInBackground(task: WatchedTask): void {
    // The error is logged, and the retry under way, where it arose.
    this.catchUp(task).catch(() => undefined);
  }

  private async readGap(task: WatchedTask): Promise<void> {
    try {
      do {
        this.metrics.gapFills.inc();
        const known = task.wantedSeq;
        const log = await this.store.events(task.taskId, task.lastSeq);
        for (const event of fill(task, log, known)) if (!task.ended) this.forward(task, event);
      } while (this.isWatched(task) && hasGap(task));
      task.filling = undefined;
    } catch (error) {
      task.filling = undefined;
      this.logger.warn(`the log of the task ${task.taskId} cannot be read: ${String(error)}; trying again`);
      setTimeout(() => {
        if (this.isWatched(task)) this.catchUpInBackground(task);
      }, RETRY_MS).unref();
      throw toTaskError(error, 'INTERNAL');
    }
  }

  /** After a loss of the connection: what is under watch catches up, and followed projects are looked through for tasks that came meanwhile. */
  private recover(since: number): void {
    for (const task of this.tasks.values()) if (task.held === undefined) void this.takeStock(task);
    for (const project of this.projects.values()) if (this.isFollowed(project)) this.search(project, since);
  }

  /**
   * Catches up with a task after a loss of the connection. It may have been a failover, in which Redis loses what it wrote last:
   * then the story goes on from where Redis knows it, or there is none any more, and whoever follows it is told so.
   */
  private async takeStock(task: WatchedTask): Promise<void> {
    const before = task.lastSeq;
    let record: TaskRecord | undefined;
    try {
      record = await this.store.read(task.taskId);
    } catch (error) {
      this.logger.warn(`the record of the task ${task.taskId} cannot be read: ${String(error)}; trying again`);
      setTimeout(() => {
        if (this.isWatched(task)) void this.takeStock(task);
      }, RETRY_MS).unref();
      return;
    }
    if (!this.isWatched(task) || task.held !== undefined) return;
    if (record === undefined) {
      this.lose(task);
      return;
    }
    if (record.seq < before) {
      this.logger.warn(`Redis has lost the events ${record.seq + 1} to ${before} of the task ${task.taskId}`);
      const seq = resumesFrom(record, before);
      setBack(task, seq);
      this.server?.to([rooms.task(task.taskId), rooms.project(task.project.projectId)]).emit('task_resumed', { taskId: task.taskId, status: record.state, lastSeq: seq });
    }
    this.catchUpInBackground(task);
  }

  /** A task that Redis has lost whole: nothing will ever be told of it. */
  private lose(task: WatchedTask): void {
    this.logger.error(`Redis has lost the task ${task.taskId}`);
    const lost: TaskErrorPayload = { error: 'Redis has lost this task; send its request again, with the same requestId', code: 'TASK_NOT_FOUND', taskId: task.taskId, projectId: task.project.projectId };
    this.server?.to([rooms.task(task.taskId), rooms.project(task.project.projectId)]).emit('task_error', lost);
    for (const { lost: tell } of task.streams) tell();
    this.end(task);
  }

  private search(project: WatchedProject, since: number): void {
    const searching = Promise.all([project.searching, this.findMissed(project, since)]).then(() => {
      if (project.searching === searching) project.searching = undefined;
    });
    project.searching = searching;
  }

  /** Watches the tasks that came while nothing was heard; resolves when all are under watch, or nobody follows the project any more. */
  private async findMissed(project: WatchedProject, since: number): Promise<void> {
    while (!this.closed && this.isFollowed(project)) {
      try {
        for (const { taskId, batchId, submittedAt } of await this.store.listProject(project.projectId, LOOK_BACK_TASKS)) {
          if (this.tasks.has(taskId) || this.ended.has(taskId) || Date.parse(submittedAt) < since - CLOCK_SLACK_MS) continue;
          this.catchUpInBackground(this.watch(project, taskId, undefined, batchId));
        }
        return;
      } catch (error) {
        this.logger.warn(`the project ${project.projectId} cannot be looked through: ${String(error)}; trying again`);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }

  private watch(project: WatchedProject, taskId: string, held: TaskEvent[] | undefined, batchId: string | undefined): WatchedTask {
    const task: WatchedTask = {
      taskId, project, batchId, held, lastSeq: 0, wantedSeq: 0, streams: new Set(), filling: undefined, adopting: undefined, ended: false, lettingGo: [],
    };
    this.tasks.set(taskId, task);
    project.tasks.add(task);
    return task;
  }

  private unwatch(task: WatchedTask): void {
    if (this.tasks.get(task.taskId) === task) this.tasks.delete(task.taskId);
    task.project.tasks.delete(task);
    for (const done of task.lettingGo.splice(0)) done();
    this.settleProject(task.project);
  }

  /** The task is over: whoever followed it is let go. */
  private end(task: WatchedTask): void {
    task.ended = true;
    task.streams.clear();
    this.ended.add(task.taskId);
    this.unwatch(task);
    this.server?.in(rooms.task(task.taskId)).socketsLeave(rooms.task(task.taskId));
  }

  private onRoomEmpty(room: string): void {
    const id = room.slice(room.indexOf(':') + 1);
    if (room === rooms.task(id)) {
      const task = this.tasks.get(id);
      if (task !== undefined) this.settleTask(task);
    } else if (room === rooms.project(id)) {
      const project = this.projects.get(id);
      if (project === undefined) return;
      this.settleTasks(project);
      this.settleProject(project);
    } else if (room === rooms.batch(id)) {
      for (const task of [...this.tasks.values()]) if (task.batchId === id) this.settleTask(task);
    }
  }

  private settleTasks(project: WatchedProject): void {
    for (const task of [...project.tasks]) this.settleTask(task);
  }

  /** Stops watching a task that nobody follows any more; it goes on, and can be taken up again. */
  private settleTask(task: WatchedTask): void {
    const wanted =
      task.held !== undefined || task.streams.size > 0 || this.isOccupied(rooms.task(task.taskId)) ||
      (task.batchId !== undefined && this.isOccupied(rooms.batch(task.batchId))) ||
      this.isFollowed(task.project) || [...task.project.windows].some(({ taskId }) => taskId === task.taskId);
    if (!wanted) this.unwatch(task);
  }

  private settleProject(project: WatchedProject): void {
    if (project.holders > 0 || project.tasks.size > 0 || this.isFollowed(project)) return;
    if (this.projects.get(project.projectId) !== project) return;
    this.projects.delete(project.projectId);
    this.feed.release(project.projectId);
  }

  private projectOf(projectId: string): WatchedProject {
    const found = this.projects.get(projectId);
    if (found !== undefined) return found;
    const project: WatchedProject = { projectId, tasks: new Set(), windows: new Set(), holders: 0, searching: undefined };
    this.projects.set(projectId, project);
    this.feed.hold(projectId);
    return project;
  }

  /** Whether somebody wants all tasks of the project, known or not. */
  private isFollowed(project: WatchedProject): boolean {
    return this.isOccupied(rooms.project(project.projectId)) || [...project.windows].some(({ taskId }) => taskId === undefined);
  }

  private isOccupied(room: string): boolean {
    return this.server?.of('/').adapter.rooms.has(room) === true;
  }

  private isWatched(task: WatchedTask): boolean {
    return !this.closed && !task.ended && this.tasks.get(task.taskId) === task;
  }

  private async readTask(taskId: string): Promise<TaskRecord> {
    const record = await this.read(this.store.read(taskId));
    if (record === undefined) throw new TaskError('TASK_NOT_FOUND', `there is no task "${taskId}", or its history has expired`);
    return record;
  }

  private async read<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw toTaskError(error, 'INTERNAL');
    }
  }
}

function collect(window: Window, event: TaskEvent): void {
  if (window.taskId !== undefined && window.taskId !== event.task_id) return;
  if (window.events.length < MAX_WINDOW) window.events.push(event);
  else window.overflown = true;
}

/**
 * From where a client that has seen `lastSeq` is told on. One that has seen more than there is was told what a Redis lost when
 * it failed over: it goes on from where the task stands now, and hears an end that it cannot have heard.
 */
function resumesFrom({ seq, state }: TaskRecord, lastSeq: number): number {
  if (lastSeq <= seq) return lastSeq;
  return isTerminal(state) ? seq - 1 : seq;
}

/** The log, then what was forwarded meanwhile, each event once and after `from`. */
function inOrder(from: number, log: readonly TaskEvent[], forwarded: readonly TaskEvent[]): TaskEvent[] {
  const past = log.filter(({ seq }) => seq > from);
  const last = past.at(-1)?.seq ?? from;
  return [...past, ...forwarded.filter(({ seq }) => seq > last)];
}

function overflown(): TaskError {
  return new TaskError('UNAVAILABLE', 'the project makes events faster than they could be read; try again in a moment');
}
