/**
 * Follows a project as a wall display does: a snapshot, then whatever happens. Each of its connections is an ear of its
 * own, since a snapshot takes the place of what was missed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Editor } from '../../editor/editor.js';
import type { Draws } from '../plan/seeded-draws.js';
import { Ear } from './ear.js';

const TURN_MS = 50;
const CONNECT_MS = 5000;
/** An api that answers at all answers sooner. */
const ANSWER_MS = 8000;

interface Snapshot {
  code?: string;
  tasks?: { taskId: string; lastSeq: number; status: string }[];
}

export class ProjectWatcher {
  readonly ears: Ear[] = [];
  private editor: Editor | undefined;
  private living: Promise<void> | undefined;
  private closing = false;

  constructor(
    private readonly projectId: string,
    private readonly urls: () => readonly string[],
    private readonly draws: Draws,
  ) {}

  start(): void {
    this.living = this.live();
  }

  /** The ear of the connection that it has now; undefined where it has none, or no snapshot yet. */
  get current(): Ear | undefined {
    return this.editor === undefined ? undefined : this.ears.at(-1);
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.living;
    this.editor?.close();
  }

  private async live(): Promise<void> {
    while (!this.closing) {
      if (this.editor === undefined) await this.follow();
      await pause(TURN_MS);
    }
  }

  private async follow(): Promise<void> {
    const editor = await Editor.connect(this.draws.pick(this.urls()), CONNECT_MS).catch(() => undefined);
    if (editor === undefined) return;
    const ear = new Ear(`watcher of ${this.projectId}, connection ${this.ears.length + 1}`);
    editor.socket.onAny((name: string, payload: Record<string, unknown>) => {
      // What it asked for failed after all, or was said of nothing it asked: the next connection begins anew.
      if (name === 'task_error') editor.close();
      else ear.hear({ name, payload }, 1);
    });
    editor.socket.once('disconnect', () => {
      editor.close();
      if (this.editor === editor) this.editor = undefined;
    });
    const snapshot = (await editor.socket.timeout(ANSWER_MS).emitWithAck('subscribe_project', { projectId: this.projectId }).catch(() => ({}))) as Snapshot;
    if (snapshot.tasks === undefined || !editor.socket.connected) {
      editor.close();
      return;
    }
    for (const { taskId, lastSeq } of snapshot.tasks) ear.begins.set(taskId, lastSeq);
    this.ears.push(ear);
    this.editor = editor;
  }
}
