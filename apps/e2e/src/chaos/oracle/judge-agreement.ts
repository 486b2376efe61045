import type { ChaosFacts } from './chaos-facts.js';
import type { Violation } from './violation.js';

/** What each api says of a task is what its log ends with, and no queue has a job any more. Pure. */
export function judgeAgreement({ logs, answers, jobs }: Pick<ChaosFacts, 'logs' | 'answers' | 'jobs'>): Violation[] {
  const violations: Violation[] = jobs.map((job) => ({ rule: 'agreement', taskId: job.slice(job.indexOf('/') + 1), text: `the queue has a job still: ${job}` }));
  for (const [api, summaries] of answers) {
    for (const [taskId, events] of logs) {
      const last = events.at(-1);
      const said = summaries.get(taskId);
      if (said?.status === last?.status && said?.lastSeq === last?.seq && said?.attempt === last?.attempt) continue;
      violations.push({ rule: 'agreement', taskId, text: `${api} says of the task ${taskId}: ${said === undefined ? 'not found' : `${said.status}, seq ${said.lastSeq}, attempt ${said.attempt}`}; its log ends with ${last?.status ?? 'nothing'}, seq ${last?.seq ?? 0}, attempt ${last?.attempt ?? 0}` });
    }
  }
  return violations;
}
