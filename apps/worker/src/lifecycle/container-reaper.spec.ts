import type { TaskState } from '@function-runner/task-contract';
import { isDeserted } from '../container/is-deserted.js';
import { isOrphan } from './container-reaper.js';

const container = (attempt: number, ageMs: number): Parameters<typeof isOrphan>[0] => ({ id: 'c', taskId: 't', attempt, workerId: 'w', serving: undefined, leaseId: 'l', ageMs });

describe('isOrphan', () => {
  it.each<[string, TaskState | undefined, number, number, boolean]>([
    ['a task that is gone', undefined, 1, 1, true],
    ['a completed task', 'completed', 1, 1, true],
    ['a failed task', 'failed', 1, 1, true],
    ['a cancelled task', 'cancelled', 1, 1, true],
    ['a task that waits again', 'queued', 1, 1, true],
    ['a task at a newer attempt', 'running', 2, 1, true],
    ['a task that is prepared', 'preparing', 1, 1, false],
    ['a running task', 'running', 1, 1, false],
    ['a task that is being cancelled', 'cancelling', 1, 1, false],
  ])('of %s', (_, state, taskAttempt, attempt, expected) => {
    const record = state === undefined ? undefined : { state, attempt: taskAttempt };
    expect(isOrphan(container(attempt, 10_000), record)).toBe(expected);
    // A young one is left alone, whatever the record says.
    expect(isOrphan(container(attempt, 9_999), record)).toBe(false);
  });
});

describe('isDeserted', () => {
  it.each<[string, string, boolean, boolean]>([
    ['a living worker', 'other', true, false],
    ['a dead worker', 'other', false, true],
    ['this worker, whose word got lost', 'own', false, false],
    ['this worker', 'own', true, false],
    ['nobody', '', false, true],
  ])('of %s', (_, workerId, alive, expected) => {
    // Its age does not matter, nor any task's record: it belongs to its worker.
    expect(isDeserted({ ...container(0, 1), workerId, serving: { projectName: 'Film', folderName: 'serving-1' } }, 'own', alive)).toBe(expected);
  });
});
