import type { BatchProgressPayload } from '@function-runner/progress-protocol';
import { isTerminal, type TaskState } from '@function-runner/task-contract';

/** What a batch needs to know of one of its tasks. */
export interface BatchTask {
  state: TaskState;
  /** Of the last event seen; an older one changes nothing. */
  seq: number;
  /** 0–100. */
  progress: number;
}

/** Adds up a batch. `running` is everything that a worker holds; `progress` the mean, an ended task counts 100. */
export function tallyBatch(batchId: string, tasks: readonly BatchTask[]): BatchProgressPayload {
  const tally = { queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  let sum = 0;
  for (const { state, progress } of tasks) {
    sum += isTerminal(state) ? 100 : progress;
    if (state === 'preparing' || state === 'running' || state === 'cancelling') tally.running += 1;
    else tally[state] += 1;
  }
  const progress = tasks.length === 0 ? 100 : Math.round((sum / tasks.length) * 10) / 10;
  return { batchId, total: tasks.length, ...tally, progress };
}

export function isBatchOver({ queued, running }: BatchProgressPayload): boolean {
  return queued === 0 && running === 0;
}
