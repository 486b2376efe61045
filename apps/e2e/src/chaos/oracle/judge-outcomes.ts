import type { FailedEvent, TaskEvent } from '@function-runner/progress-protocol';
import type { ChaosFacts } from './chaos-facts.js';
import { failedByKill } from './excuses.js';
import type { Violation } from './violation.js';

/** How the tasks ended, by number. */
export interface Outcomes {
  completed: number;
  failedOnPurpose: number;
  /** Their container was killed by a fault; that is a failure by contract. */
  failedByKill: number;
  cancelled: number;
  /** Given up since their workers were lost too often; none is expected. */
  workerLost: number;
}

/** Each task ended as its work, its editor's cancel and the kill of its container allow. Pure. */
export function judgeOutcomes({ asked, logs, faults }: Pick<ChaosFacts, 'asked' | 'logs' | 'faults'>): { violations: Violation[]; outcomes: Outcomes } {
  const violations: Violation[] = [];
  const outcomes: Outcomes = { completed: 0, failedOnPurpose: 0, failedByKill: 0, cancelled: 0, workerLost: 0 };
  const ends = new Map([...logs].map(([taskId, events]) => [taskId, events.at(-1)]));
  const fails = new Set(asked.filter(({ planned }) => planned.work.fails).flatMap(({ acknowledgements }) => acknowledgements.map(({ taskId }) => taskId)));
  const cancelled = new Set(asked.filter(({ cancelAsked }) => cancelAsked).flatMap(({ acknowledgements }) => acknowledgements.map(({ taskId }) => taskId)));
  const killed = failedByKill(faults, [...ends].flatMap(([taskId, end]) => (isFailed(end) && end.code === 'CONTAINER_EXITED' && !isOnPurpose(end) ? [{ taskId, at: Date.parse(end.timestamp) }] : [])));
  for (const [taskId, end] of ends) {
    const say = (text: string): void => void violations.push({ rule: 'outcome', taskId, text: `the task ${taskId} ${text}` });
    if (end?.status === 'completed') {
      outcomes.completed += 1;
      if (fails.has(taskId)) say('completed, although its work fails');
    } else if (end?.status === 'cancelled') {
      outcomes.cancelled += 1;
      if (!cancelled.has(taskId)) say('was cancelled, which nobody had asked for');
    } else if (isFailed(end)) {
      if (end.code === 'WORKER_LOST') outcomes.workerLost += 1;
      if (fails.has(taskId) && isOnPurpose(end)) outcomes.failedOnPurpose += 1;
      else if (killed.has(taskId)) outcomes.failedByKill += 1;
      else say(`failed with ${end.code}: ${end.error}`);
    }
  }
  return { violations, outcomes };
}

function isFailed(event: TaskEvent | undefined): event is FailedEvent {
  return event?.status === 'failed';
}

/** As the chaos program fails: by its word as a server, by its exit code as a job. */
function isOnPurpose({ code, error }: FailedEvent): boolean {
  return code === 'CONTAINER_EXITED' && /ON_PURPOSE|exit code 3\b/.test(error);
}
