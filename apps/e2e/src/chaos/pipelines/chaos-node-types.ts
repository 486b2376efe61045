/** The node types of the chaos pipelines: a container a task, a serving container of a project, and one for any project. */
export const CHAOS_NODE_TYPES = { job: 'chaos_job', server: 'chaos_server', shared: 'chaos_shared' } as const;

export type ChaosNodeType = (typeof CHAOS_NODE_TYPES)[keyof typeof CHAOS_NODE_TYPES];
