/** Names of our keys. Braces are hash tags: the keys that one script touches share one, as a Redis cluster wants. */
export const keys = {
  /** Hash: where the task stands. */
  task: (taskId: string): string => `task:{${taskId}}`,
  /** Stream: the task's event log; entry ids are `{seq}-0`. */
  events: (taskId: string): string => `task:{${taskId}}:events`,
  /** String: the task's job as it was queued, JSON; until the task's end. */
  job: (taskId: string): string => `task:{${taskId}}:job`,
  /** Sorted set: tasks that have not ended, by when they were submitted. */
  openTasks: 'tasks:open',
  /** Sorted set: the project's tasks by time of submission. */
  projectTasks: (projectId: string): string => `project:{${projectId}}:tasks`,
  /** Hash: the project itself. */
  project: (projectId: string): string => `project:{${projectId}}`,
  /** String: the task that a request id of the project started. */
  request: (projectId: string, requestId: string): string => `project:{${projectId}}:request:${requestId}`,
  /** Sorted set: the workers that live. */
  workers: 'workers',
  /** String: what a worker says of itself, JSON. */
  worker: (workerId: string): string => `worker:{${workerId}}`,
  /** Sorted set: hosts by when one of their workers was last heard of. */
  hosts: 'hosts',
  /** String: what a host has, JSON. */
  host: (hostId: string): string => `host:{${hostId}}`,
  /** String: the api process that tells waiting tasks where they stand; expires with its word. */
  narrator: 'narrator',
  /** Hash: tasks that are being ended since nobody could run them, by id, JSON; each for a moment. */
  givenUp: 'narrator:given-up',
  /** String: the api process that repairs what does not agree; expires with its word. */
  reconciler: 'reconciler',
  /** String: the tasks of a batch, JSON. */
  batch: (batchId: string): string => `batch:{${batchId}}`,
  /** List: what the last runs of a pipeline version in a tier have used, newest first, JSON. A tier has no colon, so that two pairs never share a key. */
  demand: (pipelineId: string, tier: string): string => `demand:{${pipelineId}:${tier}}`,
  /** Sorted set: projects for which a serving container of the pipeline was started, JSON, by when. */
  warmProjects: (pipelineId: string): string => `warm:{${pipelineId}}`,
  /** Hash: how much of each resource of a host may be leased. */
  leaseTotals: (hostId: string): string => `lease:{${hostId}}:total`,
  /** Hash: how much of each is leased. */
  leased: (hostId: string): string => `lease:{${hostId}}:leased`,
  /** Hash: the host's leases by id, JSON. */
  leases: (hostId: string): string => `lease:{${hostId}}:leases`,
  /** Sorted set: lease ids by the time they expire, milliseconds of Redis's clock. */
  leaseExpiry: (hostId: string): string => `lease:{${hostId}}:expiry`,
  /** Hash: resources that are kept for a task, JSON. */
  leaseReserved: (hostId: string): string => `lease:{${hostId}}:reserved`,
};
