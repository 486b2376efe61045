/** What every plan of this worker has in common, whoever starts the container: whose it is, what it sees, what it holds. Keeps nothing. */
import { Inject, Injectable } from '@nestjs/common';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import type { PathView, PlanInput } from '../container/compile-plan.js';
import { CONTAINER_ENGINE, type ContainerEngine } from '../container/container-engine.port.js';
import type { ServingPlace } from '../container/container-labels.js';
import type { PlannedMount } from '../container/container-plan.js';
import { InstallIdentity } from '../container/install-identity.js';
import type { HeldLease } from '../lease/held-lease.js';
import { Host } from '../lease/host.js';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { Workspace, type ProjectFolder, type SharedFolder } from '../workspace/workspace.js';

/** The model that a pipeline runs, as it is installed now. */
export interface ModelInUse {
  id: string;
  version: string;
  folder: string;
}

/** What a container is made of. Folders as this process knows them. */
export interface ContainerParts {
  /** The attempt that it is for, if it is for one alone. */
  attempt: { taskId: string; number: number } | undefined;
  lease: HeldLease;
  pipeline: RunnablePipeline;
  model: ModelInUse | undefined;
  /** What it sees of the workspace: its project, or all but what is covered. */
  sees: ProjectFolder | SharedFolder;
  /** Where it writes. */
  output: string;
  view: PathView;
  serving: ServingPlace | undefined;
}

@Injectable()
export class ContainerShape {
  constructor(
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId' | 'workspaceRoot' | 'workspaceHostRoot' | 'modelsRoot'>,
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    private readonly workspace: Workspace,
    private readonly identity: InstallIdentity,
    private readonly host: Host,
  ) {}

  async of({ attempt, lease, pipeline, model, sees, output, view, serving }: ContainerParts): Promise<Omit<PlanInput, 'payload' | 'parameters'>> {
    const extra: PlannedMount[] = await Promise.all(
      pipeline.mounts.map(async ({ source, target }) => ({ source: await this.onHost(join(this.config.modelsRoot, source)), target, readonly: true })),
    );
    return {
      owner: await this.owner(pipeline, lease, attempt, serving),
      pipeline,
      view,
      sources: {
        project: await this.onHost('root' in sees ? sees.root : sees.path),
        staging: await this.onHost(output),
        ...(model === undefined ? {} : { model: { id: model.id, folder: await this.onHost(model.folder) } }),
        extra,
      },
      ...('root' in sees ? { projectName: '', covered: { names: sees.covered, by: await this.onHost(sees.cover) } } : { projectName: sees.name }),
      devices: { ids: lease.devices, real: this.host.devicesAreReal },
      user: this.workspace.pipelineUser,
    };
  }

  /** Whose a container or a task's line is. */
  async owner({ id: pipelineId }: RunnablePipeline, { id: leaseId }: HeldLease, attempt: ContainerParts['attempt'], serving: ServingPlace | undefined): Promise<PlanInput['owner']> {
    return { installId: await this.identity.id(), workerId: this.config.workerId, taskId: attempt?.taskId ?? '', attempt: attempt?.number ?? 0, pipelineId, leaseId, serving };
  }

  /** A path as the engine's host knows it; the workspace's is told by the operator, or found by the engine. */
  async onHost(path: string): Promise<string> {
    const { workspaceRoot, workspaceHostRoot } = this.config;
    if (workspaceHostRoot !== undefined) {
      // A project's path has its links resolved, so the root's must be too.
      const root = await realpath(workspaceRoot);
      if (path === root || path.startsWith(`${root}/`)) return `${workspaceHostRoot}${path.slice(root.length)}`;
    }
    return this.engine.hostPath(path);
  }
}
