import type { ResourceDemand } from '@function-runner/scheduling';
import { TaskError } from '@function-runner/task-contract';

const MEND = 'start a worker on a host that has as much, or give the project a quality that needs less';

/** The door's refusal of a task that no live host could ever run. `why`: the need, and the most there is. */
export function refuseAsIncapable(demand: ResourceDemand, why: string): TaskError {
  return new TaskError('NO_CAPABLE_WORKER', `no worker could ever run this task: it ${why}; ${MEND}`, { demand });
}

/** The end of a task that waited for a host that could run it. `why` as above; undefined where no worker was there at all. */
export function giveUpWaiting(demand: ResourceDemand, why: string | undefined, waitMs: number): TaskError {
  const time = `${Math.round(waitMs / 1000)} s`;
  const sentence = why === undefined ? `no worker was there for ${time}; start one, and then the task again` : `no worker that could run this task was there for ${time}: it ${why}; ${MEND}, and start the task again`;
  return new TaskError('NO_CAPABLE_WORKER', sentence, { demand });
}
