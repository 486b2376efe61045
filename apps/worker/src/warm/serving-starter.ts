/**
 * Starts serving containers: for a task that finds none warm, or before one comes. Keeps nothing; whoever asked for a
 * container owns it, and one that could not be started has left nothing behind but perhaps its lease, which is the caller's.
 */
import { Inject, Injectable } from '@nestjs/common';
import { mkdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { v4 as uuid } from 'uuid';
import { TaskError } from '@function-runner/task-contract';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { compileServingPlan, CONTAINER_VIEW, type PathView } from '../container/compile-plan.js';
import { CONTAINER_ENGINE, type ContainerEngine, type ContainerExit } from '../container/container-engine.port.js';
import { EngineFault } from '../container/engine-fault.js';
import type { HeldLease } from '../lease/held-lease.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { confirmLease } from '../run/confirm-lease.js';
import { ContainerShape, type ModelInUse } from '../run/container-shape.js';
import { judgeExit } from '../run/judge-exit.js';
import { ExecutionError } from '../run/task-executor.port.js';
import { Workspace, type ProjectFolder, type SharedFolder } from '../workspace/workspace.js';
import { servingKey } from './serving-key.js';
import { ServingSession, type ContainerEnd } from './serving-session.js';

/** What is to serve. */
export interface ServingKind {
  pipeline: RunnablePipeline;
  model: ModelInUse | undefined;
  /** The one project that is served, with its id; undefined: any. */
  project: (ProjectFolder & { id: string }) | undefined;
}

/** What a container is started with. */
export interface ServingStart {
  lease: HeldLease;
  /** Ends it while it starts. */
  signal: AbortSignal;
  /** Called when its program is about to begin. */
  onStart: () => void;
}

@Injectable()
export class ServingStarter {
  constructor(
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'modelsRoot'>,
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    private readonly workspace: Workspace,
    private readonly shape: ContainerShape,
    private readonly leases: LeaseKeeper,
  ) {}

  /** Starts a container and waits until its model is loaded. @throws TaskError | ExecutionError */
  async start({ pipeline, model, project }: ServingKind, { lease, signal, onStart }: ServingStart): Promise<ServingSession> {
    const servingId = uuid();
    const folderName = `serving-${servingId}`;
    const { folder, sees } = await this.stage(project, folderName);
    const session = new ServingSession({ key: servingKey(project?.name, pipeline, model?.version), folder, graceSeconds: pipeline.graceSeconds, lease, pipelineId: pipeline.id, project });
    const giveUp = (): void => void session.stop(0);
    try {
      if (this.engine.kind === 'process') await linkModel(folder, model);
      const view = this.engine.kind === 'process' ? servingHostView('root' in sees ? sees.root : dirname(sees.path), folder) : CONTAINER_VIEW;
      const input = await this.shape.of({ attempt: undefined, lease, pipeline, model, sees, output: join(folder, 'out'), view, serving: { projectName: project?.name, folderName } });
      const plan = compileServingPlan({ ...input, servingId, scratch: await this.shape.onHost(join(folder, 'tmp')) });
      onStart();
      if (signal.aborted) giveUp();
      else signal.addEventListener('abort', giveUp, { once: true });
      await session.open((listener) => this.engine.serve(plan, { ...listener, created: () => confirmLease(this.leases, lease, signal) }));
      if (signal.aborted) {
        await session.stop(0);
        throw new ExecutionError(new Error('the run was stopped', { cause: signal.reason }), session.ended?.log ?? []);
      }
      const { ended } = session;
      if (ended === undefined) return session;
      const exit = exitOf(ended.how);
      const fault = judgeExit({ exit, reported: session.openingError, violation: exit.exitCode === 0 ? 'it ended before it was ready' : undefined, memoryBytes: pipeline.memoryBytes, lastLogLine: ended.log.at(-1) });
      throw new ExecutionError(fault ?? new TaskError('CONTAINER_EXITED', 'the pipeline ended before it was ready'), ended.log);
    } catch (error) {
      await session.stop(0);
      const mayStillRun = !session.isGone || (error instanceof EngineFault && error.mayStillRun);
      if (mayStillRun) this.leases.abandon(lease);
      else await this.workspace.discard(folder);
      throw error;
    } finally {
      signal.removeEventListener('abort', giveUp);
    }
  }
  private async stage(project: ProjectFolder | undefined, folderName: string): Promise<{ folder: string; sees: ProjectFolder | SharedFolder }> {
    if (project !== undefined) return { folder: await this.workspace.stageServing(project, folderName), sees: project };
    const shared = await this.workspace.stageShared(folderName, [this.config.modelsRoot]);
    return { folder: shared.folder, sees: shared };
  }
}

/** The exit of a container. @throws what went wrong when it was waited for */
export function exitOf(end: ContainerEnd): ContainerExit {
  if ('failure' in end) throw end.failure;
  return end.exit;
}

/** Where the process engine's pipeline finds things: there are no mounts, so paths of the host stand in. */
export function servingHostView(workspace: string, folder: string): PathView {
  return { workspace, output: join(folder, 'out'), models: join(folder, 'models') };
}

async function linkModel(folder: string, model: ModelInUse | undefined): Promise<void> {
  await mkdir(join(folder, 'models'));
  if (model !== undefined) await symlink(model.folder, join(folder, 'models', model.id));
}
