import { isTerminal, type TaskState } from '@function-runner/task-contract';
import { isDeserted } from '../container/is-deserted.js';
import type { FoundContainer } from '../container/container-engine.port.js';

/** Why something that a worker once made has no owner any more. */
export type Ownerless =
  /** There is no record of its task: it expired, or Redis lost it. */
  | 'task-unknown'
  | 'task-ended'
  /** Its task waits for another attempt. */
  | 'task-waits'
  /** Its task is at another attempt. */
  | 'other-attempt'
  /** It belongs to a worker, which is dead. */
  | 'worker-dead'
  /** Its worker lives and has let go of what it runs on: the engine made it after nobody waited for it any more. */
  | 'lease-over'
  /** A folder of a serving container that is gone. */
  | 'container-gone';

/** What younger than this has no owner may be something whose owner is just being written down, milliseconds. */
export const GRACE_MS = 10_000;

/** What is known of an owner. */
export interface OwnerFacts {
  /** The process that asks. */
  ownWorkerId: string;
  /** Whether that process runs the task. */
  isLive: boolean;
  /** Whether that process holds the container's lease. */
  isHeld: boolean;
  /** Whether the worker of its label has given its word lately. */
  isWorkerAlive: boolean;
  record: { state: TaskState; attempt: number } | undefined;
}

/** Why a container has no owner; undefined where it has one, or is too young to tell. One that serves belongs to its worker, as long as that holds its lease, any other to its attempt. Pure. */
export function whyOwnerless(container: FoundContainer, { ownWorkerId, isLive, isHeld, isWorkerAlive, record }: OwnerFacts): Ownerless | undefined {
  if (container.serving !== undefined) {
    if (container.workerId === ownWorkerId) return isHeld || container.ageMs < GRACE_MS ? undefined : 'lease-over';
    return isDeserted(container, ownWorkerId, isWorkerAlive) ? 'worker-dead' : undefined;
  }
  if (container.ageMs < GRACE_MS || isLive) return undefined;
  return whyNoAttempt(container.attempt, record);
}

/** Why an attempt owns nothing any more; undefined where it may be under way. Pure. */
export function whyNoAttempt(attempt: number, record: OwnerFacts['record']): Ownerless | undefined {
  if (record === undefined) return 'task-unknown';
  if (isTerminal(record.state)) return 'task-ended';
  if (record.state === 'queued') return 'task-waits';
  return record.attempt === attempt ? undefined : 'other-attempt';
}
