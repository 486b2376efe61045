import { isTaskState } from '@function-runner/task-contract';
import type { PreviewMessage, TaskEvent } from './task-event.js';

/**
 * Reads a message of a progress channel or an entry of an event log. Only our own scripts write them, so this
 * checks what a reader relies on and no more: it stands on the hot path.
 * @throws SyntaxError when the text is no such message.
 */
export function decodeEvent(text: string): TaskEvent | PreviewMessage {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && 'task_id' in value && 'seq' in value && 'status' in value) {
    const { task_id, seq, status } = value;
    if (typeof task_id === 'string' && typeof seq === 'number' && typeof status === 'string' && isTaskState(status)) {
      return value as TaskEvent | PreviewMessage;
    }
  }
  throw new SyntaxError('not a task event');
}

export function isPreview(event: TaskEvent | PreviewMessage): event is PreviewMessage {
  return 'preview' in event;
}
