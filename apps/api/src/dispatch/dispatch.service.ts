/**
 * Starts tasks. Two round trips to Redis, one after the other, and no more:
 *
 *   1. `prepare`: project ∥ claim of the request id ∥ depth of the queue
 *   2. `commit`:  record and first event ∥ job
 *
 * The depth wants the tier, and the tier the project; so the depth is read for the tier that the project had last
 * time, and once more (a third trip) when that was wrong: at a project's first task, or after its quality changed.
 * A request id that was seen before costs one more trip, to read the task that it names; so do a try that met an earlier one
 * of its request in flight, and a task that no host could run, to see whether that is still so.
 *
 * What must stay true: the record is written before the job, so that no worker meets a job without a task; a task
 * without a job is ended at once or, if Redis is gone by then, made whole by the retry of its request.
 */
import { Logger } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { DEFAULT_TIER, type QualityTier, type Tiers } from '@function-runner/pipeline-schema';
import type { TaskAcknowledgedPayload } from '@function-runner/progress-protocol';
import { fromJobDemand } from '@function-runner/scheduling';
import { TaskError, type JobPayload, type TaskPriority } from '@function-runner/task-contract';
import type { NewTask, TaskRecord, TaskStore } from '@function-runner/task-store';
import type { CapabilityView } from '../hosts/capability-view.js';
import { refuseAsIncapable } from '../hosts/no-capable-worker.js';
import type { ProjectDirectory } from '../projects/project-directory.port.js';
import { positionFor, totalDepth } from '../queue/queue-depth.js';
import type { TaskQueues } from '../queue/task-queues.adapter.js';
import type { RedisConnections } from '../redis/redis-connections.js';
import { toTaskError } from '../redis/redis-fault.js';
import type { RedisPatience } from '../redis/redis-patience.js';
import type { GenerationRequest } from './generation-request.js';
import type { PipelineCatalog } from './pipeline-catalog.js';
import { planTask, type TaskPlan } from './plan-task.js';

/** Projects whose tier is remembered; beyond it the oldest are forgotten, which costs a trip and nothing else. */
const MAX_REMEMBERED_PROJECTS = 10_000;

/** A request on its way from the first trip to the second. */
export type PreparedTask =
  | { kind: 'new'; task: NewTask; plan: TaskPlan; priority: TaskPriority; queuePosition: number }
  | { kind: 'existing'; record: TaskRecord; queuePosition: number };

/** What became of a start. */
export interface StartedTask {
  acknowledged: TaskAcknowledgedPayload;
  /** Whether this very request made the task; else another one did, and its events may have been told already. */
  created: boolean;
}

export interface DispatchOptions {
  tiers: Tiers;
  /** Tasks that may wait in one queue. */
  queueLimit: number;
}

export class DispatchService {
  private readonly logger = new Logger('Dispatch');
  /** The tier that a project had last time: a guess that saves a trip. */
  private readonly lastTier = new Map<string, QualityTier>();
  /** Projects whose unknown quality has been logged. */
  private readonly warned = new Set<string>();

  constructor(
    private readonly projects: ProjectDirectory,
    private readonly store: TaskStore,
    private readonly queues: TaskQueues,
    private readonly pipelines: PipelineCatalog,
    private readonly capability: Pick<CapabilityView, 'judge'>,
    private readonly redis: { fitness: Pick<RedisConnections['fitness'], 'fault'>; requestPatience: RedisPatience; backgroundPatience: RedisPatience },
    private readonly options: DispatchOptions,
  ) {}

  /** Starts a task, or answers with the one that the same request started before. @throws TaskError */
  async start(request: GenerationRequest): Promise<TaskAcknowledgedPayload> {
    return (await this.commit(await this.prepare(request))).acknowledged;
  }

  /** The first trip: everything that must be known, and the plan. Nothing is written but the claim. @throws TaskError */
  async prepare(request: GenerationRequest): Promise<PreparedTask> {
    const { fault } = this.redis.fitness;
    if (fault !== undefined) throw new TaskError('UNAVAILABLE', `no task is taken, since Redis could lose it: ${fault}`);
    const ownId = uuidv7();
    const guess = this.lastTier.get(request.projectId) ?? DEFAULT_TIER;
    const [project, taskId, guessedDepth] = await this.guard(() =>
      Promise.all([
        this.projects.find(request.projectId),
        request.requestId === undefined ? ownId : this.store.claimRequest(request.projectId, request.requestId, ownId),
        this.queues.depth(guess),
      ]),
    );
    if (project === undefined) {
      throw new TaskError('PROJECT_NOT_FOUND', `there is no project "${request.projectId}"; create it with PUT /v1/projects/${request.projectId}`);
    }
    const now = new Date();
    const plan = planTask(project, request, this.options.tiers, this.pipelines, now);
    if (taskId !== ownId) {
      const existing = await this.guard(() => this.findExisting(taskId, request, plan));
      if (existing !== undefined) return existing;
    }
    if (plan instanceof TaskError) throw plan;
    if (!plan.qualityKnown) this.warnOnce(project.id, project.quality);
    const { quality, payload } = plan;
    await this.refuseHopeless(payload);
    const depth = quality === guess ? guessedDepth : await this.guard(() => this.queues.depth(quality));
    this.remember(project.id, quality);
    if (totalDepth(depth) >= this.options.queueLimit) {
      throw new TaskError('QUEUE_FULL', `the queue of the tier "${quality}" holds as many tasks as it may (${this.options.queueLimit}); try again when some are done`);
    }
    const priority = request.priority ?? 'normal';
    const task: NewTask = {
      taskId, nodeId: request.nodeId, nodeType: request.nodeType, projectId: project.id, projectName: project.name,
      pipelineId: payload.pipeline_id, quality, submittedAt: payload.submitted_at,
      ...(request.requestId === undefined ? {} : { requestId: request.requestId }),
      ...(request.batchId === undefined ? {} : { batchId: request.batchId }),
    };
    return { kind: 'new', task, plan, priority, queuePosition: positionFor(depth, priority) };
  }

  /** The second trip: record, first event and job. @throws TaskError DISPATCH_FAILED | UNAVAILABLE */
  commit(prepared: PreparedTask): Promise<StartedTask> {
    return this.redis.requestPatience.within(() => this.record(prepared));
  }

  private async record(prepared: PreparedTask): Promise<StartedTask> {
    if (prepared.kind === 'existing') return { acknowledged: acknowledge(prepared.record, prepared.record.state, prepared.queuePosition), created: false };
    const { task, plan, priority, queuePosition } = prepared;
    // In this order on one connection: the record is there before a worker can take the job.
    const [created, added] = await Promise.allSettled([
      this.store.create(task, queuePosition, { priority, payload: plan.payload }),
      this.queues.add(plan.quality, task.taskId, plan.payload, priority),
    ]);
    if (created.status === 'fulfilled' && added.status === 'fulfilled') return created.value ? { acknowledged: acknowledge(task, 'queued', queuePosition), created: true } : this.joinFirstTry(task, queuePosition);
    if (created.status === 'fulfilled' && added.status === 'rejected') throw await this.endUnqueued(task, added.reason);
    const reason: unknown = created.status === 'rejected' ? created.reason : undefined;
    this.logger.error(`the task ${task.taskId} could not be recorded: ${String(reason)}`);
    throw toTaskError(reason, 'DISPATCH_FAILED');
  }

  /** The first try of the request was still on its way when this one was prepared, and has made the task meanwhile. */
  private async joinFirstTry(task: NewTask, queuePosition: number): Promise<StartedTask> {
    const record = await this.guard(() => this.store.read(task.taskId));
    const state = record?.state ?? 'queued';
    return { acknowledged: acknowledge(task, state, state === 'queued' ? queuePosition : 0), created: false };
  }

  /** Refuses a task that no live host could ever run. No trip where one could. */
  private async refuseHopeless({ demand }: JobPayload): Promise<void> {
    if (demand === undefined) return;
    const needs = fromJobDemand(demand);
    const capability = await this.guard(() => this.capability.judge(needs), this.redis.backgroundPatience);
    if (capability.kind === 'none') throw refuseAsIncapable(needs, capability.why);
  }

  /** The task that the request started before; its job is added again where the first try may have lost it. */
  private async findExisting(taskId: string, request: GenerationRequest, plan: TaskPlan | TaskError): Promise<PreparedTask | undefined> {
    const [record, events] = await Promise.all([this.store.read(taskId), this.store.events(taskId, 0)]);
    if (record === undefined) return undefined;
    if (record.state !== 'queued') return { kind: 'existing', record, queuePosition: 0 };
    // Never taken yet: if the process died between record and job, this is the job; otherwise it is a no-op.
    if (record.attempt === 0 && !(plan instanceof TaskError)) await this.queues.add(record.quality, taskId, plan.payload, request.priority ?? 'normal');
    // The place that it was told last: BullMQ tells no job's place without reading the whole queue.
    const queuePosition = events.reduce((place, event) => ('queue_position' in event ? (event.queue_position ?? place) : place), 1);
    return { kind: 'existing', record, queuePosition };
  }

  /** Ends a task whose job could not be added, so that nobody waits for it. */
  private async endUnqueued(task: NewTask, reason: unknown): Promise<TaskError> {
    const message = 'the task could not be queued; start it again';
    this.logger.error(`the job of the task ${task.taskId} could not be added: ${String(reason)}`);
    try {
      await this.store.finish(task, undefined, { state: 'failed', error: message, code: 'DISPATCH_FAILED', retryable: true, logTail: [] });
    } catch (error) {
      this.logger.error(`the task ${task.taskId} has a record and no job, and could not be ended: ${String(error)}`);
    }
    return new TaskError('DISPATCH_FAILED', message, undefined, { cause: reason });
  }

  /** Does work over Redis, in time. @throws TaskError */
  private async guard<T>(work: () => Promise<T>, patience = this.redis.requestPatience): Promise<T> {
    try {
      return await patience.within(work);
    } catch (error) {
      throw toTaskError(error, 'INTERNAL');
    }
  }

  private remember(projectId: string, tier: QualityTier): void {
    if (this.lastTier.get(projectId) === tier) return;
    const oldest = this.lastTier.size >= MAX_REMEMBERED_PROJECTS ? this.lastTier.keys().next().value : undefined;
    if (oldest !== undefined) this.lastTier.delete(oldest);
    this.lastTier.set(projectId, tier);
  }

  private warnOnce(projectId: string, quality: string): void {
    if (this.warned.has(projectId)) return;
    if (this.warned.size >= MAX_REMEMBERED_PROJECTS) this.warned.clear();
    this.warned.add(projectId);
    this.logger.warn(`the project ${projectId} has the quality "${quality}", which is no tier; it runs as ${DEFAULT_TIER}`);
  }
}

function acknowledge(task: NewTask, status: TaskRecord['state'], queuePosition: number): TaskAcknowledgedPayload {
  return {
    taskId: task.taskId, nodeId: task.nodeId, status, quality: task.quality, pipelineId: task.pipelineId, queuePosition,
    ...(task.requestId === undefined ? {} : { requestId: task.requestId }),
  };
}
