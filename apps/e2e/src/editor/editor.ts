/**
 * A film tool's end of the wire: a real Socket.IO client that keeps everything it is told, in order.
 */
import { io, type Socket } from 'socket.io-client';
import { waitFor } from '@function-runner/testing';
import type { TaskAcknowledgedPayload, TaskCancelledPayload, TaskErrorPayload, TaskFailedPayload, TaskPreviewPayload, TaskProgressPayload, TaskSuccessPayload } from '@function-runner/progress-protocol';

/** A message from the server. */
export interface Heard {
  name: string;
  payload: Record<string, unknown>;
}

/** A durable event of a task, by its Socket.IO name. */
export type TaskMessage =
  | { name: 'task_progress'; payload: TaskProgressPayload }
  | { name: 'task_success'; payload: TaskSuccessPayload }
  | { name: 'task_failed'; payload: TaskFailedPayload }
  | { name: 'task_cancelled'; payload: TaskCancelledPayload };

export type TaskEnding = Exclude<TaskMessage, { name: 'task_progress' }>;

const DURABLE = ['task_progress', 'task_success', 'task_failed', 'task_cancelled'];
const CONNECT_MS = 20_000;
const ANSWER_MS = 10_000;
const END_MS = 60_000;

/** A request that starts a node, with what a test rarely says filled in. */
export interface Start {
  projectId: string;
  nodeType: string;
  nodeId?: string;
  parameters?: object;
  requestId?: string;
  priority?: 'high' | 'normal' | 'low';
}

export class Editor {
  readonly heard: Heard[] = [];

  private constructor(readonly socket: Socket) {
    socket.onAny((name: string, payload: Record<string, unknown>) => void this.heard.push({ name, payload }));
  }

  /** @throws Error when there is no connection in time, and then none is tried any more */
  static async connect(url: string, withinMs = CONNECT_MS): Promise<Editor> {
    const editor = new Editor(io(url, { transports: ['websocket'], forceNew: true, reconnectionDelay: 50, reconnectionDelayMax: 200, autoConnect: false }));
    editor.socket.connect();
    try {
      await waitFor(`a connection to ${url}`, () => editor.socket.connected, withinMs);
      return editor;
    } catch (error) {
      editor.close();
      throw error;
    }
  }

  close(): void {
    this.socket.disconnect();
  }

  /** Sends a request and returns its answer, given or refused. */
  ask<T = Record<string, unknown>>(name: string, payload: unknown): Promise<T> {
    return this.socket.timeout(ANSWER_MS).emitWithAck(name, payload) as Promise<T>;
  }

  /** Sends a request and looks at nothing. */
  tell(name: string, payload: unknown): void {
    this.socket.emit(name, payload);
  }

  /** Starts a node. @throws Error when it is refused */
  async start(start: Start): Promise<TaskAcknowledgedPayload> {
    const answer = await this.ask<TaskAcknowledgedPayload | TaskErrorPayload>('start_generation', { nodeId: 'node-1', parameters: {}, ...start });
    if ('code' in answer) throw new Error(`refused with ${answer.code}: ${answer.error}`);
    return answer;
  }

  /** Starts a node that must be refused, and returns the refusal. */
  async refused(payload: unknown): Promise<TaskErrorPayload> {
    const answer = await this.ask<TaskAcknowledgedPayload | TaskErrorPayload>('start_generation', payload);
    if (!('code' in answer)) throw new Error(`the task ${answer.taskId} was started, which should have been refused`);
    return answer;
  }

  /** Resolves once everything that the server sent this client before has been heard. */
  async fence(): Promise<void> {
    await this.ask('unsubscribe_project', { projectId: 'nobody-follows-this' });
  }

  /** All messages of this name, oldest first. */
  named<T = Record<string, unknown>>(name: string): T[] {
    return this.heard.filter((message) => message.name === name).map(({ payload }) => payload as T);
  }

  /** The durable events of a task, in the order heard. */
  story(taskId: string): TaskMessage[] {
    return this.heard.filter(({ name, payload }) => DURABLE.includes(name) && payload['taskId'] === taskId) as unknown as TaskMessage[];
  }

  previews(taskId: string): TaskPreviewPayload[] {
    return this.named<TaskPreviewPayload>('task_preview').filter((preview) => preview.taskId === taskId);
  }

  /** Waits for a message of this name that passes `test`. */
  hear<T = Record<string, unknown>>(name: string, test: (payload: T) => boolean = () => true, timeoutMs = ANSWER_MS): Promise<NonNullable<Exclude<T, false>>> {
    return waitFor(`${name}`, () => this.named<T>(name).find(test), timeoutMs);
  }

  /** Waits until a task's progress has come so far. */
  async reached(taskId: string, test: (payload: TaskProgressPayload) => boolean, timeoutMs = END_MS): Promise<TaskProgressPayload> {
    return waitFor(`progress of the task ${taskId}`, () => {
      const ending = this.story(taskId).find(isEnding);
      if (ending !== undefined && !this.named<TaskProgressPayload>('task_progress').some((payload) => payload.taskId === taskId && test(payload))) {
        throw new Error(`the task has ended: ${JSON.stringify(ending)}`);
      }
      return this.named<TaskProgressPayload>('task_progress').find((payload) => payload.taskId === taskId && test(payload));
    }, timeoutMs);
  }

  /** Waits for a task's terminal event, whichever it is. */
  ending(taskId: string, timeoutMs = END_MS): Promise<TaskEnding> {
    return waitFor(`the end of the task ${taskId}`, () => this.story(taskId).find(isEnding), timeoutMs);
  }

  /** Waits for a task's success. @throws Error naming how else it ended */
  async success(taskId: string, timeoutMs = END_MS): Promise<TaskSuccessPayload> {
    const ending = await this.ending(taskId, timeoutMs);
    if (ending.name !== 'task_success') throw new Error(`the task ${taskId} ended otherwise: ${JSON.stringify(ending, undefined, 1)}`);
    return ending.payload;
  }

  async failure(taskId: string, timeoutMs = END_MS): Promise<TaskFailedPayload> {
    const ending = await this.ending(taskId, timeoutMs);
    if (ending.name !== 'task_failed') throw new Error(`the task ${taskId} ended otherwise: ${JSON.stringify(ending, undefined, 1)}`);
    return ending.payload;
  }
}

export function isEnding(message: TaskMessage): message is TaskEnding {
  return message.name !== 'task_progress';
}
