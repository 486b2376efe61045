/**
 * A film tool that goes on whatever happens: it asks for its tasks until they are acknowledged, follows each to its end
 * over as many connections as that takes, to whichever api it finds, and remembers all that it was told.
 *
 * Owns one connection at a time. What must stay true: within one connection a task is resumed at most once, and only
 * from the last seq that was heard, so that whatever is heard twice or not at all is the server's doing.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Socket } from 'socket.io-client';
import { Editor } from '../../editor/editor.js';
import type { PlannedRequest } from '../plan/plan-requests.js';
import type { Draws } from '../plan/seeded-draws.js';
import { currentTask, type AskedTask } from './asked-task.js';
import { Ear } from './ear.js';
import { tearDown } from './tear-down.js';

/** One turn of what it does; short beside a task. */
const TURN_MS = 50;
/** It asks anew where no answer came so long; longer than any answer of an api that works. */
const ASK_AGAIN_MS = 6000;
/** After a refusal. */
const AFTER_REFUSAL_MS = 500;
const CONNECT_MS = 5000;
const REPEAT_AFTER_MS = 200;

/** Refusals that say that the request itself is wrong: they are final, and none is expected. */
const FINAL = ['VALIDATION_FAILED', 'PROJECT_NOT_FOUND', 'UNKNOWN_NODE_TYPE', 'PAYLOAD_TOO_LARGE', 'FORBIDDEN', 'UNAUTHENTICATED'];

type Answer = { taskId?: string; code?: string; error?: string; status?: string; lastSeq?: number; tasks?: { taskId?: string; code?: string; error?: string }[] };

/** A message of the plan, with what became of it. */
interface Errand {
  request: PlannedRequest;
  tasks: AskedTask[];
  /** When it may be sent (again), milliseconds since the epoch. */
  dueAt: number;
}

/** Something to be done once, at its time, on whatever connection there is then. */
interface Chore {
  dueAt: number;
  run: (connection: Connection) => void;
}

/** A connection, the tasks that are followed by it, and how many errors came by it less those that were answers, by what they are about. */
interface Connection {
  number: number;
  editor: Editor;
  socket: Socket;
  followed: Set<string>;
  /** Of these, the ones of which the api has said so. */
  confirmed: Set<string>;
  errors: Map<string, number>;
}

/** What requests and their errors are known by. */
interface Named {
  requestId?: string;
  taskId?: string;
  projectId?: string;
}

/** Meets an editor's request to ask for something once more as a newcomer. */
export type Newcomer = (task: AskedTask, payload: object) => void;

export class ChaosEditor {
  readonly ear: Ear;
  readonly tasks: AskedTask[];
  /** Refusals that no fault explains. */
  readonly wrongs: string[] = [];
  private readonly errands: Errand[];
  private readonly chores: Chore[] = [];
  private connection: Connection | undefined;
  private connections = 0;
  private awayUntil = 0;
  private living: Promise<void> | undefined;
  private closing = false;

  constructor(
    name: string,
    requests: readonly PlannedRequest[],
    projects: readonly { id: string; name: string }[],
    private readonly world: { urls: () => readonly string[]; draws: Draws; startedAt: number; newcomer: Newcomer },
  ) {
    this.ear = new Ear(name);
    this.errands = requests.map((request) => {
      const project = projects[request.project] ?? { id: '', name: '' };
      return {
        request, dueAt: world.startedAt + request.atMs,
        tasks: request.tasks.map((planned) => ({ planned, editor: name, projectId: project.id, projectName: project.name, batchId: request.batchId, acknowledgements: [], lost: [], cancelAsked: false, refusals: {} })),
      };
    });
    this.tasks = this.errands.flatMap(({ tasks }) => tasks);
  }

  get socketId(): string | undefined {
    return this.connection?.socket.id;
  }

  start(): void {
    this.living = this.live();
  }

  /** Leaves as a person does who closes the window, and stays away for a while. */
  leave(awayMs: number): void {
    this.awayUntil = Date.now() + awayMs;
    this.hangUp();
  }

  /** Loses its connection without a farewell. */
  cutOff(): void {
    if (this.connection !== undefined) tearDown(this.connection.socket);
  }

  /** Each of its tasks has been acknowledged, and was heard to end. */
  get settled(): boolean {
    return this.tasks.every((task) => {
      const taskId = currentTask(task);
      return taskId !== undefined && this.ear.ended(taskId);
    });
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.living;
    this.hangUp();
  }

  private async live(): Promise<void> {
    while (!this.closing) {
      if (this.connection === undefined && Date.now() >= this.awayUntil) await this.connect();
      const { connection } = this;
      if (connection !== undefined) this.turn(connection);
      await pause(TURN_MS);
    }
  }

  private async connect(): Promise<void> {
    const editor = await Editor.connect(this.world.draws.pick(this.world.urls()), CONNECT_MS).catch(() => undefined);
    if (editor === undefined) return;
    const connection: Connection = { number: (this.connections += 1), editor, socket: editor.socket, followed: new Set(), confirmed: new Set(), errors: new Map() };
    editor.socket.onAny((name: string, payload: Record<string, unknown>) => {
      if (this.connection !== connection) return;
      if (name === 'task_error') this.onError(payload, connection);
      else this.ear.hear({ name, payload }, connection.number);
    });
    editor.socket.once('disconnect', () => {
      // It is not to come back by itself: where to is chosen anew.
      editor.close();
      if (this.connection === connection) this.connection = undefined;
    });
    if (!editor.socket.connected) {
      editor.close();
      return;
    }
    this.connection = connection;
    // What was sent before is unanswered for good.
    for (const errand of this.errands) errand.dueAt = Math.min(errand.dueAt, Math.max(Date.now(), this.world.startedAt + errand.request.atMs));
  }

  private hangUp(): void {
    const { connection } = this;
    this.connection = undefined;
    connection?.editor.close();
  }

  private turn(connection: Connection): void {
    const now = Date.now();
    for (const errand of this.errands) {
      if (errand.dueAt > now || errand.tasks.every((task) => currentTask(task) !== undefined)) continue;
      errand.dueAt = now + ASK_AGAIN_MS;
      const { batchId } = errand.request;
      const open = errand.tasks.filter((task) => currentTask(task) === undefined);
      if (batchId !== undefined && open.length === errand.tasks.length) this.askBatch(errand, batchId, connection);
      // Of a batch that is known in part only the rest is asked for: what is followed already would be told from its beginning.
      else for (const task of open) this.askOne(task, errand, connection);
    }
    for (const task of this.tasks) {
      const taskId = currentTask(task);
      if (taskId !== undefined && !this.ear.ended(taskId) && !connection.followed.has(taskId)) this.resume(task, taskId, connection);
    }
    for (const chore of this.chores.filter(({ dueAt }) => dueAt <= now)) {
      this.chores.splice(this.chores.indexOf(chore), 1);
      chore.run(connection);
    }
  }

  private askOne(task: AskedTask, errand: Errand, connection: Connection): void {
    this.send('start_generation', startOf(task), connection, (answer) => {
      if (answer.taskId === undefined) this.onRefusal(task, errand, answer);
      else this.onAcknowledged(task, answer.taskId, connection);
    });
  }

  private askBatch(errand: Errand, batchId: string, connection: Connection): void {
    const { tasks } = errand;
    const items = tasks.map((task) => startOf(task)).map(({ projectId: _, priority: __, ...item }) => item);
    this.send('start_batch', { batchId, projectId: tasks[0]?.projectId ?? '', items }, connection, (answer) => {
      tasks.forEach((task, index) => {
        const outcome = answer.tasks?.[index] ?? answer;
        if (outcome.taskId === undefined) this.onRefusal(task, errand, outcome);
        else this.onAcknowledged(task, outcome.taskId, connection);
      });
    });
  }

  private onAcknowledged(task: AskedTask, taskId: string, connection: Connection): void {
    const first = task.acknowledgements.every((known) => known.taskId !== taskId);
    task.acknowledgements.push({ taskId, at: Date.now() });
    connection.followed.add(taskId);
    connection.confirmed.add(taskId);
    if (!first) return;
    const { cancelAfterMs, repeats } = task.planned;
    if (cancelAfterMs !== undefined) this.chores.push({ dueAt: Date.now() + cancelAfterMs, run: (on) => this.cancel(task, on) });
    if (repeats === 'here') this.chores.push({ dueAt: Date.now() + REPEAT_AFTER_MS, run: (on) => this.repeat(task, on) });
    if (repeats === 'elsewhere') this.world.newcomer(task, startOf(task));
  }

  private onRefusal(task: AskedTask, errand: Errand, { code = 'NO_ANSWER', error = '' }: Answer): void {
    task.refusals[code] = (task.refusals[code] ?? 0) + 1;
    if (FINAL.includes(code)) this.wrongs.push(`${task.planned.requestId} was refused with ${code}: ${error}`);
    errand.dueAt = Math.min(errand.dueAt, Date.now() + AFTER_REFUSAL_MS);
  }

  private cancel(task: AskedTask, connection: Connection): void {
    const taskId = currentTask(task);
    if (taskId === undefined || this.ear.ended(taskId)) return;
    task.cancelAsked = true;
    this.send('cancel_generation', { taskId }, connection, ({ code }) => {
      // A cancel that was not understood is asked for again; one of a task that is lost is moot.
      if (code !== undefined && code !== 'TASK_NOT_FOUND') this.chores.push({ dueAt: Date.now() + AFTER_REFUSAL_MS, run: (on) => this.cancel(task, on) });
    });
  }

  /** Asks for the same task once more over the connection by which it is followed: nothing of its story may be told again. */
  private repeat(task: AskedTask, connection: Connection): void {
    const taskId = currentTask(task);
    if (taskId === undefined) return;
    // Not while it is being resumed here: then nobody has been told of it yet, and both would be.
    if (!connection.confirmed.has(taskId)) {
      if (!this.ear.ended(taskId)) this.chores.push({ dueAt: Date.now() + REPEAT_AFTER_MS, run: (on) => this.repeat(task, on) });
      return;
    }
    this.send('start_generation', startOf(task), connection, ({ taskId: again }) => {
      if (again !== undefined) task.acknowledgements.push({ taskId: again, at: Date.now() });
    });
  }

  private resume(task: AskedTask, taskId: string, connection: Connection): void {
    connection.followed.add(taskId);
    this.send('resume_task', { taskId, lastSeq: this.ear.lastSeq(taskId) }, connection, ({ code, status }) => {
      if (status !== undefined) {
        connection.confirmed.add(taskId);
        return;
      }
      if (code === 'TASK_NOT_FOUND') {
        task.lost.push(taskId);
        const errand = this.errands.find(({ tasks }) => tasks.includes(task));
        if (errand !== undefined) errand.dueAt = Date.now();
      } else {
        this.chores.push({ dueAt: Date.now() + AFTER_REFUSAL_MS, run: (on) => void (on === connection && connection.followed.delete(taskId)) });
      }
    });
  }

  /**
   * An error that no answer explains: what was acknowledged before could not be followed, so all is resumed by a new
   * connection. An answer comes as an event too, just before its callback, so the callbacks are waited for.
   */
  private onError(error: Named, connection: Connection): void {
    const key = keyOf(error);
    connection.errors.set(key, (connection.errors.get(key) ?? 0) + 1);
    this.chores.push({ dueAt: Date.now() + AFTER_REFUSAL_MS, run: (on) => {
      if (on === connection && (connection.errors.get(key) ?? 0) > 0) this.hangUp();
    } });
  }

  private send(name: string, payload: Named & Record<string, unknown>, { socket, errors }: Connection, answered: (answer: Answer) => void): void {
    socket.emit(name, payload, (answer: Answer) => {
      const key = keyOf(payload);
      if (answer.code !== undefined) errors.set(key, (errors.get(key) ?? 0) - 1);
      answered(answer);
    });
  }
}

/** By what an error names the request that it is about. */
function keyOf({ requestId, taskId, projectId }: Named): string {
  return requestId ?? taskId ?? projectId ?? '';
}

function startOf({ planned, projectId }: AskedTask): { nodeId: string; nodeType: string; projectId: string; parameters: object; requestId: string; priority: string } {
  const { nodeId, nodeType, work, requestId, priority } = planned;
  return { nodeId, nodeType, projectId, parameters: work, requestId, priority };
}
