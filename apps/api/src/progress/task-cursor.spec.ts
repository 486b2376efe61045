import { describe, expect, test } from '@jest/globals';
import type { TaskEvent } from '@function-runner/progress-protocol';
import { fill, hasGap, offer, release, setBack, type TaskCursor } from './task-cursor.js';

function event(seq: number): TaskEvent {
  return { task_id: 't', node_id: 'n', project_id: 'p', seq, attempt: 1, progress: seq, step: 's', timestamp: '', status: 'running' };
}

function at(lastSeq: number, held?: TaskEvent[]): TaskCursor {
  return { lastSeq, wantedSeq: lastSeq, held };
}

function seqsOf(events: readonly TaskEvent[]): number[] {
  return events.map(({ seq }) => seq);
}

describe('a task’s cursor', () => {
  test.each<[string, number, number[], number[], boolean]>([
    ['in order', 0, [1, 2, 3], [1, 2, 3], false],
    ['a repetition', 2, [1, 2, 2, 3, 3], [3], false],
    ['a hole', 1, [2, 4, 5], [2], true],
    ['nothing new', 5, [1, 5], [], false],
    ['in the wrong order', 0, [2, 1], [1], true],
  ])('%s', (_what, lastSeq, seqs, forwarded, gap) => {
    const cursor = at(lastSeq);
    expect(seqsOf(seqs.flatMap((seq) => offer(cursor, event(seq))))).toEqual(forwarded);
    expect(hasGap(cursor)).toBe(gap);
  });

  test('holds back until it is let go', () => {
    const cursor = at(0, []);
    expect([1, 2, 3].flatMap((seq) => offer(cursor, event(seq)))).toEqual([]);
    expect(hasGap(cursor)).toBe(false);
    expect(seqsOf(release(cursor))).toEqual([1, 2, 3]);
    expect(seqsOf(offer(cursor, event(4)))).toEqual([4]);
  });

  test('what it could not hold is a gap for the log', () => {
    const cursor = at(0, []);
    for (let seq = 1; seq <= 100; seq += 1) offer(cursor, event(seq));
    expect(release(cursor)).toHaveLength(64);
    expect([cursor.lastSeq, cursor.wantedSeq, hasGap(cursor)]).toEqual([64, 100, true]);
  });

  test.each<[string, number, number, number[], number[], number]>([
    ['what was missed', 2, 5, [3, 4, 5], [3, 4, 5], 5],
    ['more than was heard of', 2, 4, [3, 4, 5, 6], [3, 4, 5, 6], 6],
    ['what is known already', 4, 5, [3, 4, 5], [5], 5],
    ['a log with a hole', 1, 9, [7, 8, 9], [7, 8, 9], 9],
    ['a log that has expired', 1, 9, [], [], 9],
    ['nothing new, of a task taken up in mid-life', 4, 0, [], [], 4],
  ])('fills from the log: %s', (_what, lastSeq, wantedSeq, log, forwarded, then) => {
    const cursor: TaskCursor = { lastSeq, wantedSeq, held: undefined };
    expect(seqsOf(fill(cursor, log.map(event), wantedSeq))).toEqual(forwarded);
    expect([cursor.lastSeq, hasGap(cursor)]).toEqual([then, false]);
  });

  test('a log that lags behind what was heard is read again', () => {
    const cursor: TaskCursor = { lastSeq: 0, wantedSeq: 5, held: undefined };
    expect(seqsOf(fill(cursor, [1, 2].map(event), 5))).toEqual([1, 2]);
    expect(hasGap(cursor)).toBe(true);
  });

  test('a cursor that is set back while an empty log is read stays there', () => {
    const cursor: TaskCursor = { lastSeq: 10, wantedSeq: 12, held: undefined };
    setBack(cursor, 8);
    expect(seqsOf(fill(cursor, [], 12))).toEqual([]);
    expect([cursor.lastSeq, hasGap(cursor)]).toEqual([8, false]);
  });

  test('what is heard of while an empty log is read is not passed over', () => {
    const cursor: TaskCursor = { lastSeq: 1, wantedSeq: 2, held: undefined };
    expect(seqsOf(fill(cursor, [], 1))).toEqual([]);
    expect([cursor.lastSeq, hasGap(cursor)]).toEqual([1, true]);
    expect(seqsOf(fill(cursor, [event(2)], 2))).toEqual([2]);
    expect([cursor.lastSeq, hasGap(cursor)]).toEqual([2, false]);
  });
});
