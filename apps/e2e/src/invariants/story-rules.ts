/** The rules of a task's story, as it is stored and as a client hears it. Pure; each has a spec that breaks it. */
import type { TaskEvent } from '@function-runner/progress-protocol';
import { TERMINAL_STATES } from '@function-runner/task-contract';
import type { Heard } from '../editor/editor.js';

const ENDINGS = ['task_success', 'task_failed', 'task_cancelled'];
const DURABLE = ['task_progress', ...ENDINGS];

export function isTerminal(event: TaskEvent | undefined): boolean {
  return event !== undefined && TERMINAL_STATES.some((state) => state === event.status);
}

/** A stored story ends once, at its end, and counts up by one. @throws Error naming the rule */
export function checkLog(taskId: string, events: readonly TaskEvent[]): void {
  const ends = events.filter(isTerminal);
  if (ends.length !== 1) throw new Error(`I1: the task ${taskId} has ${ends.length} terminal events`);
  if (!isTerminal(events.at(-1))) throw new Error(`I2: the task ${taskId} goes on after its end`);
  events.forEach(({ seq, progress, attempt }, index) => {
    if (seq !== index + 1) throw new Error(`I3: the task ${taskId} has the seq ${seq} where ${index + 1} should be`);
    const before = events[index - 1];
    if (before !== undefined && before.attempt === attempt && progress < before.progress) throw new Error(`the progress of the task ${taskId} falls from ${before.progress} to ${progress}`);
    if (before !== undefined && attempt < before.attempt) throw new Error(`the task ${taskId} goes back from attempt ${before.attempt} to ${attempt}`);
  });
}

/** A client hears a part of a task's story, or all of it: without a hole, without a repetition, as it was stored. @throws Error naming the rule */
export function checkStories(heard: readonly Heard[], logs: ReadonlyMap<string, readonly TaskEvent[]>): void {
  const of = (taskId: unknown, names: readonly string[]): Heard[] => heard.filter(({ name, payload }) => payload['taskId'] === taskId && names.includes(name));
  for (const taskId of new Set(heard.filter(({ name }) => DURABLE.includes(name)).map(({ payload }) => String(payload['taskId'])))) {
    const story = of(taskId, DURABLE).map(({ payload }) => payload as { seq: number; status: string; progress: number });
    const first = story[0]?.seq ?? 1;
    if (story.some(({ seq }, index) => seq !== first + index)) throw new Error(`I3: a client heard the task ${taskId} as ${story.map(({ seq }) => seq).join(', ')}`);
    const endings = of(taskId, ENDINGS);
    if (endings.length > 1) throw new Error(`I1: a client heard the task ${taskId} end ${endings.length} times`);
    for (const { seq, status, progress } of story) {
      const stored = logs.get(taskId)?.[seq - 1];
      if (stored !== undefined && (stored.status !== status || stored.progress !== progress)) throw new Error(`a client heard another event ${seq} of the task ${taskId} than is stored`);
    }
    const end = endings[0] === undefined ? -1 : heard.indexOf(endings[0]);
    const late = end === -1 ? undefined : heard.slice(end + 1).find(({ name, payload }) => payload['taskId'] === taskId && /^task_(progress|preview)$/.test(name));
    if (late !== undefined) throw new Error(`I2: a client heard ${late.name} of the task ${taskId} after its end`);
  }
}
