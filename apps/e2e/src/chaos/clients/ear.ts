/** What one listener heard of tasks, in the order heard: over all its connections, since each went on where the last had ended. */
import type { Heard } from '../../editor/editor.js';

const DURABLE = ['task_progress', 'task_success', 'task_failed', 'task_cancelled'];

/** A durable event as a client heard it. */
export interface HeardEvent {
  seq: number;
  attempt: number;
  status: string;
  progress: number;
  /** Of the event, ISO 8601. */
  timestamp: string;
  /** When it was heard, milliseconds since the epoch, and over which of the listener's connections. */
  heardAt: number;
  connection: number;
}

export class Ear {
  readonly stories = new Map<string, HeardEvent[]>();
  /** The seq after which each task's story begins here, where not at its beginning. */
  readonly begins = new Map<string, number>();

  constructor(readonly name: string) {}

  /** Keeps a message if it is a durable event of a task. @returns the task that it belongs to */
  hear({ name, payload }: Heard, connection: number): string | undefined {
    if (!DURABLE.includes(name)) return undefined;
    const { taskId, seq, attempt, status, progress, timestamp } = payload as unknown as HeardEvent & { taskId: string };
    const story = this.stories.get(taskId) ?? [];
    this.stories.set(taskId, story);
    story.push({ seq, attempt, status, progress, timestamp, heardAt: Date.now(), connection });
    return taskId;
  }

  lastSeq(taskId: string): number {
    return this.stories.get(taskId)?.at(-1)?.seq ?? 0;
  }

  ended(taskId: string): boolean {
    return ['completed', 'failed', 'cancelled'].includes(this.stories.get(taskId)?.at(-1)?.status ?? '');
  }
}
