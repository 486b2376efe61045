/**
 * Keeps the operator's minimum of containers warm: starts them when the worker is ready, and again when one has died.
 *
 * Owns the timer between two rounds and the one container that is being started, until the pool has it. Must stay true:
 * nothing is started while a task waits, nor without a lease; when {@link WarmUp.stop} settles nothing is being started.
 */
import { Inject, Injectable } from '@nestjs/common';
import { hostStateOf } from '@function-runner/lease-book';
import type { PipelineConfig, PipelineManifest } from '@function-runner/pipeline-schema';
import { demandOf, describeWait, place } from '@function-runner/scheduling';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { CONTAINER_ENGINE, type ContainerEngine } from '../container/container-engine.port.js';
import type { HeldLease } from '../lease/held-lease.js';
import { Host } from '../lease/host.js';
import { LeaseKeeper } from '../lease/lease-keeper.js';
import { LOGGER, type Logger } from '../logging/logger.js';
import { PipelineLibrary } from '../models/pipeline-library.js';
import type { RunnablePipeline } from '../models/runnable-pipeline.js';
import type { ModelInUse } from '../run/container-shape.js';
import { fittedPipeline } from '../run/fitted-pipeline.js';
import { Workspace } from '../workspace/workspace.js';
import { chooseProject } from './choose-project.js';
import { RecentProjects } from './recent-projects.js';
import { servingKey } from './serving-key.js';
import { ServingStarter, type ServingKind } from './serving-starter.js';
import { WarmPool } from './warm-pool.js';

/** Between two rounds. A round that finds all as it should be asks nobody. */
const ROUND_MS = 5000;

/** Longest pause after containers of a pipeline could not be started, doubled with each try from the round's. */
const LONGEST_PAUSE_MS = 300_000;

/** Injection token of the {@link WarmUpGate}. */
export const WARM_UP_GATE = Symbol('WarmUpGate');

/** Whether there is time for it: told by whoever takes tasks. */
export interface WarmUpGate {
  /** Whether no task waits that would want the room, and this worker takes tasks. */
  mayWarmUp(): boolean;
}

@Injectable()
export class WarmUp {
  private readonly stopping = new AbortController();
  private readonly pauses = new Map<string, { tries: number; until: number }>();
  /** What was said last of each pipeline: it is said once. */
  private readonly said = new Map<string, string>();
  /** Ends what is being started. */
  private current: { lease: HeldLease; abort: AbortController } | undefined;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> | undefined;

  constructor(
    @Inject(WORKER_CONFIG) private readonly config: Pick<WorkerConfig, 'workerId' | 'warmMinimum' | 'tiers' | 'containerEngine'>,
    @Inject(CONTAINER_ENGINE) private readonly engine: ContainerEngine,
    private readonly pool: WarmPool,
    private readonly starter: ServingStarter,
    private readonly recent: RecentProjects,
    private readonly library: PipelineLibrary,
    private readonly workspace: Workspace,
    private readonly host: Host,
    private readonly leases: LeaseKeeper,
    @Inject(WARM_UP_GATE) private readonly gate: WarmUpGate,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    leases.onLost((lease) => {
      if (this.current?.lease.id === lease.id) this.current.abort.abort(new Error('its lease was lost'));
    });
  }

  /** Begins. The worker takes tasks by now. */
  start(): void {
    if (this.config.containerEngine === 'null' || Object.keys(this.config.warmMinimum).length === 0) return;
    this.goOn();
  }

  /** Starts nothing more; what is being started ends. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error('this worker ends'));
    clearTimeout(this.timer);
    this.current?.abort.abort(this.stopping.signal.reason);
    await this.round;
  }

  private goOn(): void {
    this.round = this.lookAtAll().finally(() => {
      if (!this.stopping.signal.aborted) this.timer = setTimeout(() => this.goOn(), ROUND_MS);
    });
  }

  private async lookAtAll(): Promise<void> {
    for (const [pipelineId, count] of Object.entries(this.config.warmMinimum)) {
      if (this.stopping.signal.aborted) return;
      if (performance.now() < (this.pauses.get(pipelineId)?.until ?? 0)) continue;
      try {
        await this.fill(pipelineId, count);
        this.pauses.delete(pipelineId);
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        const tries = (this.pauses.get(pipelineId)?.tries ?? 0) + 1;
        const pauseMs = Math.min(ROUND_MS * 2 ** tries, LONGEST_PAUSE_MS);
        this.pauses.set(pipelineId, { tries, until: performance.now() + pauseMs });
        this.logger.error({ err: error, pipeline: pipelineId, pauseMs }, 'a container that is always to be warm could not be started; trying again after a pause');
      }
    }
  }

  /** Starts what is missing of a pipeline, one after the other, as far as there is room. */
  private async fill(pipelineId: string, count: number): Promise<void> {
    const found = await this.library.pipeline(pipelineId);
    if (found?.runnable.mode !== 'server') return this.say(pipelineId, 'the model store has no pipeline in server mode of this id; correct WARM_MINIMUM, or install it');
    const pipeline = fittedPipeline(found.runnable, this.host.cores);
    const model = await this.modelOf(pipeline);
    const usable = new Set(this.host.devices.filter(({ totalBytes }) => totalBytes > 0).map(({ id }) => id));
    this.pool.retire(pipelineId, ({ key, project, lease }) => key === servingKey(project?.name, pipeline, model?.version) && lease.devices.every((id) => usable.has(id)));
    // No more tries than are missing: what dies as soon as it is ready is for the next round.
    for (let missing = count - this.pool.count(pipelineId); missing > 0; missing -= 1) {
      if (this.stopping.signal.aborted) return;
      if (!this.gate.mayWarmUp()) return this.say(pipelineId, 'tasks wait, which come first');
      const project = pipeline.shareable ? undefined : await this.nextProject(pipelineId);
      if (project === undefined && !pipeline.shareable) return this.say(pipelineId, 'no project has used it yet, or lately');
      await this.engine.ensureImage(pipeline.image, this.stopping.signal, () => undefined);
      const lease = await this.lease(found.manifest, project?.id);
      if (lease === undefined) return;
      await this.startOne({ pipeline, model, project }, lease);
    }
    this.said.delete(pipelineId);
  }

  private async modelOf({ modelId }: RunnablePipeline): Promise<ModelInUse | undefined> {
    if (modelId === undefined) return undefined;
    const { manifest, folder } = await this.library.modelFor(modelId);
    return { id: manifest.id, version: manifest.version, folder };
  }

  /** The project that a container is to be started for; projects that are there no more are forgotten. */
  private async nextProject(pipelineId: string): Promise<ServingKind['project']> {
    let recent = await this.recent.latest(pipelineId);
    const served = this.pool.termsOf(pipelineId).map(({ project }) => project?.name);
    for (let chosen = chooseProject(recent, served); chosen !== undefined; chosen = chooseProject(recent, served)) {
      const folder = await this.workspace.findProject(chosen.name);
      if (folder !== undefined) return { ...folder, id: chosen.id };
      await this.recent.forget(pipelineId, chosen);
      const gone = chosen;
      recent = recent.filter((project) => project !== gone);
    }
    return undefined;
  }

  /** What such a container holds of this host, as far as it is free; idle containers that nobody wants to be kept make room. */
  private async lease(manifest: PipelineManifest, projectId: string | undefined): Promise<HeldLease | undefined> {
    const { id: pipelineId } = manifest;
    if (!this.pool.makeRoom()) return this.say(pipelineId, 'as many containers are at work as may be kept (WARM_CONTAINERS)');
    const { id: hostId, name, devices, book } = this.host;
    const state = hostStateOf({ hostId, name, devices }, await book.read());
    const others = this.pool.idleContainers(this.config.workerId).filter((container) => container.pipelineId !== pipelineId);
    const placement = place({ taskId: '', projectId: projectId ?? '', pipelineId, demand: demandOf(this.configOf(manifest), manifest) }, [{ ...state, warm: others }]);
    if (placement.kind === 'wait') return this.say(pipelineId, describeWait(placement.reason));
    if (placement.evict.length > 0) {
      this.pool.evict(placement.evict.map(({ leaseId }) => leaseId));
      return this.say(pipelineId, 'it waits for the place of another container that is idle');
    }
    const [lease] = await this.leases.acquire([{ task: { taskId: undefined, pipelineId, projectId }, amounts: placement.amounts }]);
    return lease ?? this.say(pipelineId, 'what it needs was taken by others');
  }

  /** What a tier says of the pipeline, if one runs it. */
  private configOf({ id, container_image }: PipelineManifest): PipelineConfig {
    const all = Object.values(this.config.tiers).flatMap(({ pipelines }) => Object.values(pipelines));
    return all.find(({ pipeline_id }) => pipeline_id === id) ?? { pipeline_id: id, container_image, target_vram: 0, optimizations: [] };
  }

  private async startOne(kind: ServingKind, lease: HeldLease): Promise<void> {
    const abort = new AbortController();
    this.current = { lease, abort };
    if (this.stopping.signal.aborted) abort.abort(this.stopping.signal.reason);
    try {
      this.pool.add(await this.starter.start(kind, { lease, signal: abort.signal, onStart: () => undefined }));
      this.logger.info({ pipeline: kind.pipeline.id, project: kind.project?.name }, 'a container is warm before its first task');
    } catch (error) {
      await this.leases.release([lease]);
      throw error;
    } finally {
      this.current = undefined;
    }
  }

  /** Says once why fewer are warm than wanted. */
  private say(pipelineId: string, why: string): undefined {
    if (this.said.get(pipelineId) === why) return;
    this.said.set(pipelineId, why);
    this.logger.info({ pipeline: pipelineId, why }, 'fewer containers are warm than are always to be');
  }
}
