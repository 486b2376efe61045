import { currentTask, type AskedTask } from '../clients/asked-task.js';
import type { ChaosFacts } from './chaos-facts.js';
import { mayBeForgotten } from './excuses.js';
import type { Violation } from './violation.js';

/** What the requests say: violations, and how many acknowledged tasks a killed Redis has forgotten. */
export interface RequestVerdict {
  violations: Violation[];
  forgotten: number;
}

/** Each request got its task, the same each time it asked; each acknowledged task is there; each task there is was asked for. Pure. */
export function judgeRequests({ asked, logs, answers, faults, wrongs }: Pick<ChaosFacts, 'asked' | 'logs' | 'answers' | 'faults' | 'wrongs'>): RequestVerdict {
  const violations: Violation[] = wrongs.map((text) => ({ rule: 'acknowledged', text }));
  let forgotten = 0;
  for (const task of asked) {
    const { requestId } = task.planned;
    if (currentTask(task) === undefined) violations.push({ rule: 'acknowledged', text: `${requestId} of ${task.editor} was never acknowledged; refusals: ${JSON.stringify(task.refusals)}` });
    const gone = task.acknowledgements.filter(({ taskId }, index) => (!logs.has(taskId) || task.lost.includes(taskId)) && task.acknowledgements.findIndex((other) => other.taskId === taskId) === index);
    for (const { taskId, at } of gone) {
      if (mayBeForgotten(faults, at)) forgotten += 1;
      else violations.push({ rule: 'acknowledged', taskId, text: `the task ${taskId} of ${requestId} was acknowledged and is lost` });
    }
    const kept = [...new Set(task.acknowledgements.map(({ taskId }) => taskId))].filter((taskId) => !gone.some((lost) => lost.taskId === taskId));
    // After a forgotten one, the next may rightly be another.
    if (kept.length > 1) violations.push({ rule: 'acknowledged', taskId: kept[1] ?? '', text: `${requestId} was acknowledged as ${kept.join(' and as ')}` });
  }
  return { violations: [...violations, ...unasked(asked, logs, answers)], forgotten };
}

function unasked(asked: readonly AskedTask[], logs: ChaosFacts['logs'], answers: ChaosFacts['answers']): Violation[] {
  const known = new Map(asked.map((task) => [task.planned.requestId, task.acknowledgements.map(({ taskId }) => taskId)]));
  const summaries = [...answers.values()][0];
  return [...logs.keys()].flatMap((taskId): Violation[] => {
    const requestId = summaries?.get(taskId)?.requestId;
    if (requestId !== undefined && known.get(requestId)?.includes(taskId) === true) return [];
    return [{ rule: 'acknowledged', taskId, text: `the task ${taskId} of ${requestId ?? 'no request'} is there beside ${known.get(requestId ?? '')?.join(', ') ?? 'nothing'}` }];
  });
}
