import type { TakenTask } from './taken-task.js';
import type { WaitingTask } from './waiting-task.js';

/**
 * What is said on the channel `scheduler`, as JSON. Every message is a hint: one that is lost costs the time until the
 * next look at the queues and at the book, and nothing else.
 */
export type SchedulerMessage =
  /** A task has been queued. */
  | { kind: 'waiting'; task: WaitingTask }
  /** Tasks have been taken from their queues. */
  | { kind: 'taken'; host: string; worker: string; tasks: readonly TakenTask[] }
  /** Tasks run no more: their tiers have room again. */
  | { kind: 'ended'; worker: string; taskIds: readonly string[] }
  /** Something of a host can be leased again, or there is more of it. */
  | { kind: 'free'; host: string };

/** @throws SyntaxError when the text is no such message. */
export function decodeSchedulerMessage(text: string): SchedulerMessage {
  const value: unknown = JSON.parse(text);
  if (typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string' && KINDS.has(value.kind)) return value as SchedulerMessage;
  throw new SyntaxError('not a message of the scheduler');
}

const KINDS: ReadonlySet<string> = new Set<SchedulerMessage['kind']>(['waiting', 'taken', 'ended', 'free']);
