/** Labels of our containers. Whoever looks for containers of ours looks for these, and touches no other. */
export const LABEL = {
  install: 'function-runner.install',
  worker: 'function-runner.worker',
  task: 'function-runner.task',
  attempt: 'function-runner.attempt',
  pipeline: 'function-runner.pipeline',
  /** What it holds of its host: given away again only once this container is gone. */
  lease: 'function-runner.lease',
  /** On a container that serves one task after the other and so belongs to its worker: `<project>/<folder>`, where it works; `/<folder>` where it serves any project. */
  serving: 'function-runner.serving',
} as const;

/** Where a serving container works: a folder of its project's, or of the workspace's own where it serves any. */
export interface ServingPlace {
  projectName: string | undefined;
  folderName: string;
}

/** Whose container it is and what it runs: an attempt's own, or one that serves its worker's tasks. */
export interface ContainerOwner {
  installId: string;
  workerId: string;
  pipelineId: string;
  /** The attempt it was started for, which a serving container outlives. */
  taskId: string;
  attempt: number;
  leaseId: string;
  /** Where it works, if it serves one task after the other; without a project where it serves any. */
  serving: ServingPlace | undefined;
}

export function containerLabels(owner: ContainerOwner): Record<string, string> {
  return {
    [LABEL.install]: owner.installId,
    [LABEL.worker]: owner.workerId,
    [LABEL.pipeline]: owner.pipelineId,
    [LABEL.lease]: owner.leaseId,
    ...(owner.serving ? { [LABEL.serving]: servingText(owner.serving) } : { [LABEL.task]: owner.taskId, [LABEL.attempt]: String(owner.attempt) }),
  };
}

function servingText({ projectName = '', folderName }: ServingPlace): string {
  return `${projectName}/${folderName}`;
}

/** Reads the label of a serving container; a project's name holds no slash. Undefined for any other container. */
export function servingPlace(label: string | undefined): ServingPlace | undefined {
  const [projectName, folderName] = label?.split('/') ?? [];
  if (projectName === undefined || folderName === undefined) return undefined;
  return { projectName: projectName === '' ? undefined : projectName, folderName };
}
