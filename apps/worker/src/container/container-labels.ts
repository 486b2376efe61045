/** Labels of our containers. Whoever looks for containers of ours looks for these, and touches no other. */
export const LABEL = {
  install: 'function-runner.install',
  worker: 'function-runner.worker',
  task: 'function-runner.task',
  attempt: 'function-runner.attempt',
  pipeline: 'function-runner.pipeline',
} as const;

/** Whose container it is and what it runs. */
export interface ContainerOwner {
  installId: string;
  workerId: string;
  taskId: string;
  attempt: number;
  pipelineId: string;
}

export function containerLabels(owner: ContainerOwner): Record<string, string> {
  return {
    [LABEL.install]: owner.installId,
    [LABEL.worker]: owner.workerId,
    [LABEL.task]: owner.taskId,
    [LABEL.attempt]: String(owner.attempt),
    [LABEL.pipeline]: owner.pipelineId,
  };
}
