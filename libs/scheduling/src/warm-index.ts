import type { HostState } from './cluster-state.js';
import { ANYBODY, capacityOf, isOpenTo } from './host-capacity.js';

/** Whom the idle containers of some hosts may serve, but for those that hold what is kept for a task, or is to take nothing new. */
export class WarmIndex {
  /** The projects by pipeline; undefined among them: any. */
  private readonly projects = new Map<string, Set<string | undefined>>();

  constructor(hosts: readonly HostState[]) {
    for (const host of hosts) {
      for (const { pipelineId, projectId, amounts } of host.warm) {
        if (!Object.keys(amounts).every((resource) => isOpenTo(ANYBODY, capacityOf(host, resource)))) continue;
        const projects = this.projects.get(pipelineId);
        if (projects === undefined) this.projects.set(pipelineId, new Set([projectId]));
        else projects.add(projectId);
      }
    }
  }

  serves({ pipelineId, projectId }: { pipelineId: string; projectId: string }): boolean {
    const projects = this.projects.size === 0 ? undefined : this.projects.get(pipelineId);
    return projects !== undefined && (projects.has(projectId) || projects.has(undefined));
  }

  /** Whom they serve: a pipeline's tasks of a project, or (undefined) of any. */
  *served(): IterableIterator<{ pipelineId: string; projectId: string | undefined }> {
    for (const [pipelineId, projects] of this.projects) for (const projectId of projects) yield { pipelineId, projectId };
  }
}
