import type { TaskState } from '@function-runner/task-contract';
import type { FoundContainer } from '../container/container-engine.port.js';
import { GRACE_MS, whyOwnerless, type OwnerFacts, type Ownerless } from './why-ownerless.js';

const container = (attempt: number, ageMs: number): FoundContainer => ({ id: 'c', taskId: 't', attempt, workerId: 'w', serving: undefined, leaseId: 'l', ageMs });
const facts = (changes: Partial<OwnerFacts>): OwnerFacts => ({ ownWorkerId: 'own', isLive: false, isHeld: true, isWorkerAlive: true, record: undefined, ...changes });

describe('the container of an attempt', () => {
  it.each<[string, TaskState | undefined, number, Ownerless | undefined]>([
    ['of a task that is gone', undefined, 1, 'task-unknown'],
    ['of a completed task', 'completed', 1, 'task-ended'],
    ['of a failed task', 'failed', 1, 'task-ended'],
    ['of a cancelled task', 'cancelled', 1, 'task-ended'],
    ['of a task that waits again', 'queued', 1, 'task-waits'],
    ['of a task at a newer attempt', 'running', 2, 'other-attempt'],
    ['of a task that is prepared', 'preparing', 1, undefined],
    ['of a running task', 'running', 1, undefined],
    ['of a task that is being cancelled', 'cancelling', 1, undefined],
  ])('%s', (_, state, attempt, expected) => {
    const record = state === undefined ? undefined : { state, attempt };
    expect(whyOwnerless(container(1, GRACE_MS), facts({ record }))).toBe(expected);
    // Whether its worker lives does not matter: it may have been put back by it, or is taken over with its task.
    expect(whyOwnerless(container(1, GRACE_MS), facts({ record, isWorkerAlive: false }))).toBe(expected);
    // A young one is left alone, and one that this process runs, whatever the record says.
    expect(whyOwnerless(container(1, GRACE_MS - 1), facts({ record }))).toBeUndefined();
    expect(whyOwnerless(container(1, GRACE_MS), facts({ record, isLive: true }))).toBeUndefined();
  });
});

describe('a serving container', () => {
  it.each<[string, string, boolean, Ownerless | undefined]>([
    ['of a living worker', 'other', true, undefined],
    ['of a dead worker', 'other', false, 'worker-dead'],
    ['of this worker, whose word got lost', 'own', false, undefined],
    ['of this worker', 'own', true, undefined],
    ['of nobody', '', false, 'worker-dead'],
  ])('%s', (_, workerId, isWorkerAlive, expected) => {
    // Its age does not matter, nor any task's record: it belongs to its worker.
    expect(whyOwnerless({ ...container(0, 1), workerId, serving: { projectName: 'Film', folderName: 'serving-1' } }, facts({ isWorkerAlive }))).toBe(expected);
  });

  it.each<[string, string, number, boolean, Ownerless | undefined]>([
    ['of this worker, on a lease that it holds', 'own', GRACE_MS, true, undefined],
    ['of this worker, on a lease that is over', 'own', GRACE_MS, false, 'lease-over'],
    ['of this worker, which is just being made', 'own', GRACE_MS - 1, false, undefined],
    ['of another living worker, whose leases are not known here', 'other', GRACE_MS, false, undefined],
  ])('%s', (_, workerId, ageMs, isHeld, expected) => {
    expect(whyOwnerless({ ...container(0, ageMs), workerId, serving: { projectName: 'Film', folderName: 'serving-1' } }, facts({ isHeld }))).toBe(expected);
  });
});
