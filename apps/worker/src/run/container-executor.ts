/**
 * Carries out an attempt in a container: prepare, run, judge, publish. Keeps nothing between attempts.
 *
 * Whatever happens, when `execute` settles the container is gone and the draft of the take is published or removed.
 */
import { Inject, Injectable } from '@nestjs/common';
import { existsSync } from 'node:fs';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TaskError, type JobPayload } from '@function-runner/task-contract';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { compilePlan, CONTAINER_VIEW, taskLine, type PathView } from '../container/compile-plan.js';
import { CONTAINER_ENGINE, type ContainerEngine } from '../container/container-engine.port.js';
import type { ContainerPlan } from '../container/container-plan.js';
import { EngineFault } from '../container/engine-fault.js';
import { Conversation, type ConversationListener } from '../container/stdio/conversation.js';
import { DeadWorkers } from '../lease/dead-workers.js';
import { Host } from '../lease/host.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { PipelineLibrary } from '../models/pipeline-library.js';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import { demandOf, fromJobDemand, bytesInWords, toJobDemand } from '@function-runner/scheduling';
import { largerDemand } from '../demand/larger-demand.js';
import type { ProgressReporter } from '../progress/progress-reporter.js';
import { RecentProjects } from '../warm/recent-projects.js';
import { servingKey } from '../warm/serving-key.js';
import type { TaskEnding } from '../warm/serving-session.js';
import { exitOf, servingHostView, ServingStarter, type ServingKind } from '../warm/serving-starter.js';
import { WarmPool } from '../warm/warm-pool.js';
import { collectOutputs } from '../workspace/collect-outputs.js';
import { Workspace, type ProjectFolder } from '../workspace/workspace.js';
import { confirmLease } from './confirm-lease.js';
import { ContainerShape, type ModelInUse } from './container-shape.js';
import { fittedPipeline } from './fitted-pipeline.js';
import { judgeExit } from './judge-exit.js';
import { stopReason } from './stop-reason.js';
import { ExecutionError, type Attempt, type Made, type TaskExecutor } from './task-executor.port.js';

@Injectable()
export class ContainerExecutor implements TaskExecutor {
  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    private readonly workspace: Workspace,
    private readonly library: PipelineLibrary,
    private readonly shape: ContainerShape,
    private readonly pool: WarmPool,
    private readonly starter: ServingStarter,
    private readonly recent: RecentProjects,
    private readonly dead: DeadWorkers,
    private readonly host: Host,
    private readonly leases: LeaseKeeper,
  ) {}

  async execute(attempt: Attempt): Promise<Made> {
    const { payload, signal } = attempt;
    const described = await this.library.pipelineFor(payload);
    const pipeline = fittedPipeline(described, this.host.cores, payload.memory_limit_bytes);
    const [project, model] = await Promise.all([
      this.workspace.openProject(payload.trace.project_name),
      pipeline.modelId === undefined ? undefined : this.library.modelFor(pipeline.modelId),
      this.engine.ensureImage(pipeline.image, signal, () => void attempt.reporter.enter('preparing', `pulling the image ${pipeline.image}`)),
    ]);
    const inputs = await this.resolveInputs(project, payload, pipeline);
    signal.throwIfAborted();
    const scene: Scene = { pipeline, project, model: model === undefined ? undefined : { id: model.manifest.id, version: model.manifest.version, folder: model.folder }, inputs };
    const made = pipeline.mode === 'server' ? await this.inServingContainer(attempt, scene) : await this.inOwnContainer(attempt, scene);
    const { devices } = attempt.lease;
    return {
      ...made,
      claim: claimOf(described, payload),
      metadata: {
        ...made.metadata,
        ...(model === undefined ? {} : { modelId: model.manifest.id, modelVersion: model.manifest.version }),
        ...(devices.length === 0 ? {} : { gpu: devices.join(',') }),
      },
    };
  }

  /** Job mode: a container for this attempt alone. */
  private async inOwnContainer(attempt: Attempt, scene: Scene): Promise<Omit<Made, 'claim'>> {
    const { pipeline, project, model } = scene;
    const staging = await this.workspace.stage(project, attempt.taskId, attempt.number);
    try {
      const view = this.engine.kind === 'process' ? await hostView(project, staging, model) : CONTAINER_VIEW;
      const { lease, taskId, number } = attempt;
      const input = await this.shape.of({ attempt: { taskId, number }, lease, pipeline, model, sees: project, output: staging, view, serving: undefined });
      const plan = compilePlan({ ...input, payload: attempt.payload, parameters: parametersIn(view, attempt.payload, scene) });
      const { conversation, metadata } = await this.converse(attempt, plan, pipeline, staging);
      return { outputs: await this.publish(attempt, project, staging, conversation), metadata };
    } finally {
      if (this.engine.kind === 'process') await rm(modelsView(staging), { recursive: true, force: true });
      await this.workspace.discard(staging);
    }
  }

  /** Server mode: a container of this pipeline that is warm already, or one that stays warm afterwards. */
  private async inServingContainer(attempt: Attempt, scene: Scene): Promise<Omit<Made, 'claim'>> {
    const { pipeline, project } = scene;
    const { payload, taskId, signal, atOnce, reporter, lease } = attempt;
    const kind = await this.servingKind(attempt, scene);
    if (kind.project !== undefined) this.recent.note(pipeline.id, kind.project);
    const session = await this.pool.take({ key: servingKey(kind.project?.name, pipeline, scene.model?.version), pipelineId: pipeline.id }, lease, () => {
      void reporter.enter('preparing', 'starting the pipeline');
      return this.starter.start(kind, { lease, signal, onStart: () => attempt.started() });
    });
    const staging = session.outputFolder(taskId, attempt.number);
    try {
      await this.workspace.stageTask(staging).catch((error: unknown) => {
        // Others took this worker for dead while it was frozen, and cleared up after it.
        if (!existsSync(session.terms.folder)) throw new EngineFault('failed', 'the folder of a serving container was removed by others');
        throw error;
      });
      const view = this.engine.kind === 'process' ? servingHostView(dirname(project.path), session.terms.folder) : CONTAINER_VIEW;
      const owner = await this.shape.owner(pipeline, lease, { taskId, number: attempt.number }, undefined);
      const line = taskLine({ owner, payload, parameters: parametersIn(view, payload, scene), view }, `${view.output}/${basename(staging)}`);
      void reporter.enter('running', 'running');
      attempt.started();
      const { conversation, ending, usage } = await session.serve(taskId, line, listenerOf(reporter), { signal, atOnce });
      const outputs = await this.judgeServed(attempt, scene, staging, conversation, ending);
      const { metrics } = conversation;
      return { outputs, metadata: { ...usage, ...(Object.keys(metrics).length === 0 ? {} : { metrics }) } };
    } catch (error) {
      // A time-out is the pipeline's failure, even where it heeded the cancel: what it is in is anybody's guess.
      if (signal.aborted && stopReason(signal).kind !== 'cancel') session.unfit ??= `its task was stopped (${stopReason(signal).kind})`;
      throw error;
    } finally {
      await this.pool.giveBack(session);
    }
  }

  private async judgeServed(attempt: Attempt, { pipeline, project }: Scene, staging: string, conversation: Conversation, ending: TaskEnding): Promise<Made['outputs']> {
    try {
      attempt.signal.throwIfAborted();
      // A task that ended by its own word is judged as a job that exited with 0; a container that ended under it, by its exit.
      const exit = ending.kind === 'done' ? { exitCode: 0, oomKilled: false } : exitOf(ending);
      const lastLogLine = conversation.log.read().at(-1);
      const violation = ending.kind === 'container-gone' && exit.exitCode === 0 ? 'it ended before its task did' : conversation.violation;
      const fault = judgeExit({ exit, reported: conversation.error, violation, memoryBytes: pipeline.memoryBytes, lastLogLine });
      if (fault?.code === 'CONTAINER_EXITED' && (await this.workspace.isFull(staging))) throw diskFull(fault);
      if (fault !== undefined) throw fault;
    } catch (error) {
      throw withLog(error, conversation);
    }
    return this.publishServed(attempt, project, staging, conversation);
  }

  /** Publishes what lies in a living container's folder: out of its reach first, so that what was looked at is what is published. */
  private async publishServed(attempt: Attempt, project: ProjectFolder, staging: string, conversation: Conversation): Promise<Made['outputs']> {
    let draft: string | undefined;
    try {
      draft = await this.workspace.withdraw(project, staging);
      return await this.publish(attempt, project, draft, conversation, { withdrawn: true });
    } catch (error) {
      throw error instanceof ExecutionError ? error : withLog(error, conversation);
    } finally {
      if (draft !== undefined) await this.workspace.discard(draft);
    }
  }

  /** Whom a container may serve that this task is given: any project where the pipeline allows it, and where this one can be seen and written to from outside. */
  private async servingKind({ payload }: Attempt, { pipeline, project, model }: Scene): Promise<ServingKind> {
    const isShared = pipeline.shareable && !(await this.workspace.standsApart(project));
    return { pipeline, model, project: isShared ? undefined : { ...project, id: payload.parameters.project_id } };
  }

  async withMore(payload: JobPayload): Promise<{ payload: JobPayload; what: string } | undefined> {
    // Once is enough: what grows without end would be tried for ever.
    if (payload.memory_limit_bytes !== undefined) return undefined;
    const pipeline = await this.library.pipelineFor(payload);
    const before = { ...(payload.demand === undefined ? demandOf(payload.config, undefined) : fromJobDemand(payload.demand)), memoryBytes: pipeline.memoryBytes };
    const deviceBytes = Math.max(0, ...this.host.devices.map(({ totalBytes }) => totalBytes));
    const larger = largerDemand(before, { memoryBytes: this.host.memoryBytes, deviceBytes });
    if (larger === undefined) return undefined;
    return {
      payload: { ...payload, demand: toJobDemand(larger), memory_limit_bytes: Math.max(larger.memoryBytes, pipeline.memoryBytes) },
      what: larger.gpus > 0 ? `${bytesInWords(larger.vramBytes)} on the GPU` : bytesInWords(larger.memoryBytes),
    };
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

  /** Runs the container and hears it out. @throws ExecutionError with the log tail when it did not end well. */
  private async converse(
    { reporter, signal, atOnce, started, lease }: Attempt, plan: ContainerPlan, pipeline: RunnablePipeline, staging: string,
  ): Promise<{ conversation: Conversation; metadata: Made['metadata'] }> {
    const conversation = new Conversation(listenerOf(reporter));
    try {
      const exit = await this.engine.run(
        plan,
        {
          created: () => confirmLease(this.leases, lease, signal),
          started: () => {
            void reporter.enter('running', 'running');
            started();
          },
          stdout: (chunk) => conversation.stdout(chunk),
          stderr: (chunk) => conversation.stderr(chunk),
        },
        signal,
        atOnce,
      ).catch((error: unknown) => {
        // A failure that is not the task's: what the lease holds is not to be had before it is known that nothing runs on it.
        if (error instanceof EngineFault ? error.mayStillRun : !(error instanceof TaskError)) this.leases.abandon(lease);
        throw error;
      });
      conversation.end();
      signal.throwIfAborted();
      const fault = judgeExit({ exit, reported: conversation.error, violation: conversation.violation, memoryBytes: pipeline.memoryBytes, lastLogLine: conversation.log.read().at(-1) });
      if (fault?.code === 'CONTAINER_EXITED' && (await this.workspace.isFull(staging))) throw diskFull(fault);
      if (fault !== undefined) throw fault;
      const { peakMemoryBytes, cpuSeconds } = exit;
      const { metrics } = conversation;
      return {
        conversation,
        metadata: {
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

  private async publish({ payload, reporter, signal, taskId, isOurs }: Attempt, project: ProjectFolder, staging: string, conversation: Conversation, { withdrawn = false } = {}): Promise<Made['outputs']> {
    try {
      // Both answers are awaited: store and queue say whether the task is still this attempt's to publish. What is not ours any more has been told to stop by the question.
      const [outputs] = await Promise.all([collectOutputs(staging, conversation.outputs, this.config.outputLimitBytes), reporter.enter('running', 'publishing the take'), isOurs()]);
      // The last moment at which a cancel or a lost lock still prevents the take.
      signal.throwIfAborted();
      const { take, earlier } = await this.workspace.publish(project, staging, payload.parameters.node_id, taskId, { withdrawn });
      // What is reported is what lies there, not the draft that came too late.
      return earlier ? await collectOutputs(take, [], Number.POSITIVE_INFINITY) : outputs;
    } catch (error) {
      throw withLog(error, conversation);
    }
  }

  /** Containers that a worker lost with an earlier attempt: gone before the next one begins. */
  private async removeEarlierContainers(taskId: string): Promise<void> {
    for (const { id } of await this.engine.find(taskId)) await this.engine.remove(id);
    // A serving container names no task: of a dead worker all go, since nobody will ever give them one again.
    for (const container of await this.engine.find()) {
      const { id, serving, workerId } = container;
      if (serving === undefined || workerId === this.config.workerId || !(await this.dead.isDead(workerId))) continue;
      await this.engine.remove(id);
      await this.workspace.discardServing(serving.projectName, serving.folderName);
    }
  }
}

/** What an attempt works with, found and checked. */
interface Scene {
  pipeline: RunnablePipeline;
  project: ProjectFolder;
  model: ModelInUse | undefined;
  /** Parameter → path within the project of the file that it names. */
  inputs: ReadonlyMap<string, string>;
}

/** What the pipeline's file claims; one without a file claims nothing, and one that is tried again was given more than that. */
function claimOf({ modelId, memoryBytes }: RunnablePipeline, { demand, memory_limit_bytes: enlarged }: JobPayload): Made['claim'] {
  if (modelId === undefined) return { memoryBytes: 0 };
  return { memoryBytes, ...(demand === undefined || demand.gpus === 0 || enlarged !== undefined ? {} : { vramBytes: demand.vram_bytes }) };
}

/** The node's parameters, project paths as the pipeline sees them. */
function parametersIn(view: PathView, payload: JobPayload, { project, inputs }: Scene): Record<string, unknown> {
  const paths = [...inputs].map(([name, relative]) => [name, `${view.workspace}/${project.name}/${relative}`]);
  return { ...payload.parameters, ...(Object.fromEntries(paths) as Record<string, string>) };
}

function listenerOf(reporter: ProgressReporter): ConversationListener {
  return {
    progress: (progress, step) => reporter.report(progress, step),
    preview: ({ type: _, ...preview }) => reporter.preview(preview),
  };
}

/** Few pipelines say that the disk was full; most just fail, and the artist would look for the mistake in the node. */
function diskFull(fault: TaskError): TaskError {
  return new TaskError('NO_SPACE', `the disk of the workspace is full, and ${fault.message}; free some space and start the node again`, undefined, { cause: fault });
}

/** A failure with the end of the log. A stop is thrown as its reason, which is no Error; its log tells what the pipeline was at. */
function withLog(error: unknown, conversation: Conversation): ExecutionError {
  return new ExecutionError(error instanceof Error ? error : new Error('the run was stopped', { cause: error }), conversation.log.read());
}

/** Where the process engine's pipeline finds its model: there are no mounts, so a link stands in. */
function modelsView(staging: string): string {
  return `${staging}.models`;
}

async function hostView(project: ProjectFolder, staging: string, model: ModelInUse | undefined): Promise<PathView> {
  const models = modelsView(staging);
  await rm(models, { recursive: true, force: true });
  await mkdir(models);
  if (model !== undefined) await symlink(model.folder, join(models, model.id));
  return { workspace: join(project.path, '..'), output: staging, models };
}
