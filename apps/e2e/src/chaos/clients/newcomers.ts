/**
 * Asks once more, as somebody new, for tasks that were asked for before: by the same request id it must get the same
 * task, and its story from the beginning.
 */
import { Editor } from '../../editor/editor.js';
import type { Draws } from '../plan/seeded-draws.js';
import type { AskedTask } from './asked-task.js';
import { Ear } from './ear.js';

const CONNECT_MS = 5000;

/** It stays no longer: what it came for has been told by then, or its connection is lost. */
const STAYS_MS = 20_000;
const LOOK_MS = 50;

export class Newcomers {
  readonly ears: Ear[] = [];
  private readonly visits: Promise<void>[] = [];
  private closing = false;

  constructor(
    private readonly urls: () => readonly string[],
    private readonly draws: Draws,
  ) {}

  readonly come = (task: AskedTask, payload: object): void => {
    this.visits.push(this.visit(task, payload));
  };

  async close(): Promise<void> {
    this.closing = true;
    await Promise.all(this.visits);
  }

  private async visit(task: AskedTask, payload: object): Promise<void> {
    // It has one connection only, and takes what it gets: that is heard without a hole, up to wherever it ends.
    const editor = await Editor.connect(this.draws.pick(this.urls()), CONNECT_MS).catch(() => undefined);
    if (editor === undefined) return;
    const ear = new Ear(`newcomer-${this.ears.length + 1}`);
    this.ears.push(ear);
    let gone = false;
    let taskId: string | undefined;
    editor.socket.once('disconnect', () => {
      gone = true;
      editor.close();
    });
    editor.socket.onAny((name: string, message: Record<string, unknown>) => ear.hear({ name, payload: message }, 1));
    editor.socket.emit('start_generation', payload, (answer: { taskId?: string; code?: string }) => {
      taskId = answer.taskId;
      if (taskId === undefined) gone = true;
      else task.acknowledgements.push({ taskId, at: Date.now() });
    });
    const deadline = Date.now() + STAYS_MS;
    while (!this.closing && !gone && Date.now() < deadline && !(taskId !== undefined && ear.ended(taskId))) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    editor.close();
  }
}
