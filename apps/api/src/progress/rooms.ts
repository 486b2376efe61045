/** Names of the Socket.IO rooms. They are local to this process: each api process relays from Redis itself. */
export const rooms = {
  task: (taskId: string): string => `task:${taskId}`,
  project: (projectId: string): string => `project:${projectId}`,
  batch: (batchId: string): string => `batch:${batchId}`,
  /** Sockets that read too slowly for previews. */
  slow: 'slow',
};
