import type { ChaosFacts } from './chaos-facts.js';

/** For each task whose worker was killed while it ran: from the kill to the next word that it runs, milliseconds. One that was not to run again (cancelled) is left out. Pure. */
export function recoveryTimes({ faults, logs }: Pick<ChaosFacts, 'faults' | 'logs'>): number[] {
  return faults.flatMap(({ effect }) => {
    const { killedAt = 0, taskIds = [] } = effect?.orphans ?? {};
    return taskIds.flatMap((taskId) => {
      const again = logs.get(taskId)?.find(({ status, timestamp }) => status === 'running' && Date.parse(timestamp) > killedAt);
      return again === undefined ? [] : [Date.parse(again.timestamp) - killedAt];
    });
  });
}
