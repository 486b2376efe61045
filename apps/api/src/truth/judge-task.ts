import { isTerminal } from '@function-runner/task-contract';
import type { TaskRecord } from '@function-runner/task-store';

/** Where a task's job is: it waits, a worker has it, or it is in no list of its queue. */
export type JobPlace = 'waiting' | 'active' | 'none';

/** What one look has seen of a task. */
export interface TaskSight {
  /** Undefined where there is none: never made, or expired. */
  record: Pick<TaskRecord, 'state' | 'attempt'> | undefined;
  job: JobPlace;
  /** Whether the list of open tasks has it. */
  open: boolean;
}

/** What does not agree. */
export type Disagreement =
  /** The task has not ended, and nobody will ever take it. */
  | 'task-without-job'
  /** Nobody can run it: its record was never made, was lost, or has expired. */
  | 'job-without-task'
  /** The task has ended, and its job waits for a worker that finds nothing to do. */
  | 'job-of-ended-task'
  /** The record says that a worker has it, and its job waits. */
  | 'lost-attempt'
  /** A cancel is to be carried out, and there is no worker that could. */
  | 'unheard-cancel'
  /** A cancel is to be carried out by a worker that takes its time, or has not heard of it. */
  | 'slow-cancel'
  /** The list of open tasks has one that has ended, or that is not there. */
  | 'stale-entry'
  /** The list of open tasks lacks one. */
  | 'missing-entry';

/** What does not agree in the sight of a task, the gravest first; undefined where all does. Pure. */
export function judgeTask({ record, job, open }: TaskSight): Disagreement | undefined {
  if (record === undefined || isTerminal(record.state)) {
    // What a worker has it will drop by itself, as soon as it asks the record.
    if (job === 'active') return undefined;
    if (job === 'waiting') return record === undefined ? 'job-without-task' : 'job-of-ended-task';
    return open ? 'stale-entry' : undefined;
  }
  if (record.state === 'cancelling') return job === 'active' ? 'slow-cancel' : 'unheard-cancel';
  if (job === 'none') return 'task-without-job';
  if (job === 'waiting' && record.state !== 'queued') return 'lost-attempt';
  return open ? undefined : 'missing-entry';
}
