import { describe, expect, test } from '@jest/globals';
import { TASK_STATES, TERMINAL_STATES } from '@function-runner/task-contract';
import { judgeTask, type Disagreement, type JobPlace } from './judge-task.js';

type State = (typeof TASK_STATES)[number] | 'no record';
const PLACES: JobPlace[] = ['waiting', 'active', 'none'];

/** By state: what is wrong where the job waits, where a worker has it, and where there is none. The task is listed as open. */
const OPEN: Record<State, (Disagreement | undefined)[]> = {
  'no record': ['job-without-task', undefined, 'stale-entry'],
  queued: [undefined, undefined, 'task-without-job'],
  preparing: ['lost-attempt', undefined, 'task-without-job'],
  running: ['lost-attempt', undefined, 'task-without-job'],
  cancelling: ['unheard-cancel', 'slow-cancel', 'unheard-cancel'],
  completed: ['job-of-ended-task', undefined, 'stale-entry'],
  failed: ['job-of-ended-task', undefined, 'stale-entry'],
  cancelled: ['job-of-ended-task', undefined, 'stale-entry'],
};

const cases = Object.entries(OPEN).flatMap(([state, wrongs]) => PLACES.map((job, index) => ({ state: state as State, job, wrong: wrongs[index] })));
const recordOf = (state: State): { state: (typeof TASK_STATES)[number]; attempt: number } | undefined => (state === 'no record' ? undefined : { state, attempt: 1 });

describe('of a task', () => {
  test.each(cases)('that is listed as open, $state, job $job: $wrong', ({ state, job, wrong }) => {
    expect(judgeTask({ record: recordOf(state), job, open: true })).toBe(wrong);
  });

  test.each(cases)('that is not listed, $state, job $job', ({ state, job, wrong }) => {
    const ended = state === 'no record' || (TERMINAL_STATES as readonly string[]).includes(state);
    const expected = wrong === 'stale-entry' ? undefined : (wrong ?? (ended ? undefined : 'missing-entry'));
    expect(judgeTask({ record: recordOf(state), job, open: false })).toBe(expected);
  });

  test('every state is in the table', () => {
    expect(Object.keys(OPEN).sort()).toEqual(['no record', ...TASK_STATES].sort());
  });
});
