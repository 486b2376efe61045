import { checkLog } from '../../invariants/story-rules.js';
import type { ChaosFacts } from './chaos-facts.js';
import type { Violation } from './violation.js';

/** Each log ends once, at its end, and counts up by one. Pure. */
export function judgeLogs({ logs }: Pick<ChaosFacts, 'logs'>): Violation[] {
  return [...logs].flatMap(([taskId, events]): Violation[] => {
    try {
      checkLog(taskId, events);
      return [];
    } catch (error) {
      return [{ rule: 'ended', taskId, text: error instanceof Error ? error.message : String(error) }];
    }
  });
}
