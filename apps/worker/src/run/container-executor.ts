/**
 * Carries out an attempt in a container: prepare, run, judge, publish. Keeps nothing between attempts.
 *
 * Whatever happens, when `execute` settles the container is gone and the draft of the take is published or removed.
 */
import { Inject, Injectable } from '@nestjs/common';
import { mkdir, realpath, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { TaskError, type JobPayload } from '@function-runner/task-contract';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { compilePlan, CONTAINER_VIEW, type PathView } from '../container/compile-plan.js';
import { CONTAINER_ENGINE, type ContainerEngine } from '../container/container-engine.port.js';
import type { ContainerPlan, PlannedMount } from '../container/container-plan.js';
import { Conversation } from '../container/stdio/conversation.js';
import { InstallIdentity } from '../container/install-identity.js';
import { PipelineLibrary } from '../models/pipeline-library.js';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { collectOutputs } from '../workspace/collect-outputs.js';
import { Workspace, type ProjectFolder } from '../workspace/workspace.js';
import { judgeExit } from './judge-exit.js';
import { ExecutionError, type Attempt, type Made, type TaskExecutor } from './task-executor.port.js';

@Injectable()
export class ContainerExecutor implements TaskExecutor {
  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    private readonly workspace: Workspace,
    private readonly library: PipelineLibrary,
    private readonly identity: InstallIdentity,
  ) {}

  async execute(attempt: Attempt): Promise<Made> {
    const { payload, signal, taskId } = attempt;
    const pipeline = await this.library.pipelineFor(payload);
    const [project, model] = await Promise.all([
      this.workspace.openProject(payload.trace.project_name),
      pipeline.modelId === undefined ? undefined : this.library.modelFor(pipeline.modelId),
      this.engine.ensureImage(pipeline.image, signal, () => void attempt.reporter.enter('preparing', `pulling the image ${pipeline.image}`)),
      attempt.number > 1 ? this.removeEarlierContainers(taskId) : undefined,
    ]);
    const inputs = await this.resolveInputs(project, payload, pipeline);
    signal.throwIfAborted();
    const staging = await this.workspace.stage(project, taskId, attempt.number);
    try {
      const modelSource = model === undefined ? undefined : { id: model.manifest.id, folder: model.folder };
      const view = this.engine.kind === 'process' ? await hostView(project, staging, modelSource) : CONTAINER_VIEW;
      const plan = await this.plan(attempt, pipeline, project, staging, modelSource, view, inputs);
      const { conversation, made } = await this.converse(attempt, plan, pipeline, staging);
      const outputs = await this.publish(attempt, project, staging, conversation);
      return {
        outputs,
        metadata: { ...made, ...(model === undefined ? {} : { modelId: model.manifest.id, modelVersion: model.manifest.version }) },
      };
    } finally {
      if (this.engine.kind === 'process') await rm(modelsView(staging), { recursive: true, force: true });
      await this.workspace.discard(staging);
    }
  }

  async clear({ trace }: JobPayload, taskId: string): Promise<void> {
    await this.removeEarlierContainers(taskId);
    await this.workspace.discardDrafts(trace.project_name, taskId);
  }

  /** Parameters as the schema wants them, each project path resolved to a file that is there. Keys of the result: the paths. */
  private async resolveInputs(project: ProjectFolder, payload: JobPayload, pipeline: RunnablePipeline): Promise<Map<string, string>> {
    const resolved = new Map<string, string>();
    const schema = pipeline.parameterSchema;
    if (schema === undefined) return resolved;
    const problems = schema.problems(payload.parameters);
    if (problems.length > 0) throw new TaskError('VALIDATION_FAILED', problems.map(({ path, message }) => `${path} ${message}`).join('; '), problems);
    for (const name of schema.pathParameters) {
      const text = payload.parameters[name];
      if (typeof text === 'string') resolved.set(name, await this.workspace.resolveInput(project, name, text));
    }
    return resolved;
  }

  private async plan(
    attempt: Attempt, pipeline: RunnablePipeline, project: ProjectFolder, staging: string,
    model: { id: string; folder: string } | undefined, view: PathView, inputs: ReadonlyMap<string, string>,
  ): Promise<ContainerPlan> {
    const { payload, taskId, number } = attempt;
    const parameters: Record<string, unknown> = { ...payload.parameters };
    for (const [name, relative] of inputs) parameters[name] = `${view.workspace}/${project.name}/${relative}`;
    const onHost = (path: string): Promise<string> => this.onHost(path);
    const extra: PlannedMount[] = await Promise.all(
      pipeline.mounts.map(async ({ source, target }) => ({ source: await onHost(join(this.config.modelsRoot, source)), target, readonly: true })),
    );
    return compilePlan({
      owner: { installId: await this.identity.id(), workerId: this.config.workerId, taskId, attempt: number, pipelineId: pipeline.id },
      payload,
      pipeline,
      parameters,
      view,
      sources: {
        project: await onHost(project.path),
        staging: await onHost(staging),
        ...(model === undefined ? {} : { model: { id: model.id, folder: await onHost(model.folder) } }),
        extra,
      },
      projectName: project.name,
      user: this.workspace.pipelineUser,
    });
  }

  /** Runs the container and hears it out. @throws ExecutionError with the log tail when it did not end well. */
  private async converse(
    { reporter, signal, started }: Attempt, plan: ContainerPlan, pipeline: RunnablePipeline, staging: string,
  ): Promise<{ conversation: Conversation; made: Made['metadata'] }> {
    const conversation = new Conversation({
      progress: (progress, step) => reporter.report(progress, step),
      preview: ({ type: _, ...preview }) => reporter.preview(preview),
    });
    try {
      const exit = await this.engine.run(
        plan,
        {
          started: () => {
            void reporter.enter('running', 'running');
            started();
          },
          stdout: (chunk) => conversation.stdout(chunk),
          stderr: (chunk) => conversation.stderr(chunk),
        },
        signal,
      );
      conversation.end();
      signal.throwIfAborted();
      const fault = judgeExit({ exit, reported: conversation.error, violation: conversation.violation, memoryBytes: pipeline.memoryBytes, lastLogLine: conversation.log.read().at(-1) });
      // Few pipelines say that the disk was full; most just fail, and the artist would look for the mistake in the node.
      if (fault?.code === 'CONTAINER_EXITED' && (await this.workspace.isFull(staging))) throw new TaskError('NO_SPACE', `the disk of the workspace is full, and ${fault.message}; free some space and start the node again`, undefined, { cause: fault });
      if (fault !== undefined) throw fault;
      const { peakMemoryBytes, cpuSeconds } = exit;
      const { metrics } = conversation;
      return {
        conversation,
        made: {
          ...(peakMemoryBytes === undefined ? {} : { peakMemoryBytes }),
          ...(cpuSeconds === undefined ? {} : { cpuSeconds }),
          ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
        },
      };
    } catch (error) {
      conversation.end();
      throw withLog(error, conversation);
    }
  }

  private async publish({ payload, reporter, signal, taskId }: Attempt, project: ProjectFolder, staging: string, conversation: Conversation): Promise<Made['outputs']> {
    try {
      // The store's answer to this report is awaited: it says whether the task is still this attempt's to publish.
      const [outputs] = await Promise.all([collectOutputs(staging, conversation.outputs, this.config.outputLimitBytes), reporter.enter('running', 'publishing the take')]);
      // The last moment at which a cancel or a lost lock still prevents the take.
      signal.throwIfAborted();
      const { take, earlier } = await this.workspace.publish(project, staging, payload.parameters.node_id, taskId);
      // What is reported is what lies there, not the draft that came too late.
      return earlier ? await collectOutputs(take, [], Number.POSITIVE_INFINITY) : outputs;
    } catch (error) {
      throw withLog(error, conversation);
    }
  }

  /** Containers that a worker lost with an earlier attempt: gone before this one starts. */
  private async removeEarlierContainers(taskId: string): Promise<void> {
    for (const { id } of await this.engine.find(taskId)) await this.engine.remove(id);
  }

  /** A path as the engine's host knows it; the workspace's is told by the operator, or found by the engine. */
  private async onHost(path: string): Promise<string> {
    const { workspaceRoot, workspaceHostRoot } = this.config;
    if (workspaceHostRoot !== undefined) {
      // A project's path has its links resolved, so the root's must be too.
      const root = await realpath(workspaceRoot);
      if (path === root || path.startsWith(`${root}/`)) return `${workspaceHostRoot}${path.slice(root.length)}`;
    }
    return this.engine.hostPath(path);
  }
}

/** A failure with the end of the log. A stop is thrown as its reason, which is no Error; its log tells what the pipeline was at. */
function withLog(error: unknown, conversation: Conversation): ExecutionError {
  return new ExecutionError(error instanceof Error ? error : new Error('the run was stopped', { cause: error }), conversation.log.read());
}

/** Where the process engine's pipeline finds its model: there are no mounts, so a link stands in. */
function modelsView(staging: string): string {
  return `${staging}.models`;
}

async function hostView(project: ProjectFolder, staging: string, model: { id: string; folder: string } | undefined): Promise<PathView> {
  const models = modelsView(staging);
  await rm(models, { recursive: true, force: true });
  await mkdir(models);
  if (model !== undefined) await symlink(model.folder, join(models, model.id));
  return { workspace: join(project.path, '..'), output: staging, models };
}
