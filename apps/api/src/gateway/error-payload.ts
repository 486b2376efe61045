import type { TaskErrorPayload } from '@function-runner/progress-protocol';
import type { TaskError } from '@function-runner/task-contract';

/** `task_error`: what went wrong, with the names by which the client knows its request. Takes any payload, however odd. */
export function toErrorPayload({ message, code, details }: TaskError, request: unknown): TaskErrorPayload {
  const payload: TaskErrorPayload = { error: message, code };
  for (const name of ['nodeId', 'taskId', 'projectId', 'requestId'] as const) {
    const value = textField(request, name);
    if (value !== undefined) payload[name] = value;
  }
  if (details !== undefined) payload.details = details;
  return payload;
}

/** A text field of anything, cut to what an id may be. */
function textField(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const field: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
  return typeof field === 'string' ? field.slice(0, 128) : undefined;
}
