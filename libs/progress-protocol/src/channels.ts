/** Every durable event of a task; anything may subscribe with plain Redis. */
export function taskChannel(taskId: string): string {
  return `task:progress:${taskId}`;
}

/** The same events, and previews, for all tasks of a project: what an api process listens to. */
export function projectChannel(projectId: string): string {
  return `project:progress:${projectId}`;
}

/** Orders to one worker process, such as the cancel of a task that it runs. */
export function workerChannel(workerId: string): string {
  return `worker:control:${workerId}`;
}

/** What may let a waiting task start, such as a host's resource that came free. A hint: whoever decides also looks by itself. */
export const schedulerChannel = 'scheduler';
