import { sequenceStep, type TaskEvent } from '@function-runner/progress-protocol';
import { isTerminal } from '@function-runner/task-contract';

/**
 * How far a task's events have been forwarded, and what waits. A plain value with pure rules:
 * events leave in the order of their seq, each once; what is missing is fetched from the log, never guessed.
 */
export interface TaskCursor {
  /** The last seq forwarded; 0 before the first. */
  lastSeq: number;
  /** The highest seq heard of; above `lastSeq` the log must be read. */
  wantedSeq: number;
  /** While defined nothing leaves: events wait here, up to a bound, and the log has the rest. */
  held: TaskEvent[] | undefined;
}

/** Events kept for a task while it is held: a start lasts a few milliseconds, so more than this is unforeseen. */
const MAX_HELD = 64;

/**
 * Takes an event in. Returns the events to forward now, in order. Afterwards `wantedSeq > lastSeq` on a cursor that
 * is not held says that some were missed: read the log.
 */
export function offer(cursor: TaskCursor, event: TaskEvent): TaskEvent[] {
  cursor.wantedSeq = Math.max(cursor.wantedSeq, event.seq);
  if (cursor.held !== undefined) {
    if (cursor.held.length < MAX_HELD) cursor.held.push(event);
    return [];
  }
  // A cursor outlives no end, so an end that counts as seen is one of a story that was set back: see `setBack`.
  const isNews = sequenceStep(cursor.lastSeq, event.seq) === 'next' || (event.seq <= cursor.lastSeq && isTerminal(event.status));
  if (!isNews) return [];
  cursor.lastSeq = event.seq;
  return [event];
}

/** Lets the held events go, in order. */
export function release(cursor: TaskCursor): TaskEvent[] {
  const held = cursor.held ?? [];
  cursor.held = undefined;
  return held.flatMap((event) => offer(cursor, event));
}

/**
 * Takes in what the log holds after `lastSeq`. The log is the truth: a hole in it (it is bounded) is passed over,
 * and so is a tail that has expired, or the cursor would wait for ever: that is what had been heard of before the log was
 * read (`known`), and is not in it. What was heard of since may be in the log by now; and the cursor may have been set back since.
 */
export function fill(cursor: TaskCursor, log: readonly TaskEvent[], known: number): TaskEvent[] {
  const news = log.filter(({ seq }) => seq > cursor.lastSeq);
  const last = news.at(-1);
  cursor.lastSeq = last === undefined ? Math.max(cursor.lastSeq, Math.min(known, cursor.wantedSeq)) : last.seq;
  cursor.wantedSeq = Math.max(cursor.wantedSeq, cursor.lastSeq);
  return news;
}

/** The log has lost its end, as a Redis does that fails over, and goes on from `seq`; so does the cursor. */
export function setBack(cursor: TaskCursor, seq: number): void {
  cursor.lastSeq = seq;
  cursor.wantedSeq = seq;
}

export function hasGap(cursor: TaskCursor): boolean {
  return cursor.held === undefined && cursor.wantedSeq > cursor.lastSeq;
}
