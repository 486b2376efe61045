/**
 * Finds what workers of this installation have left and nobody owns, containers of this engine and folders of the
 * workspace, and removes it. Looks at labels, task records and the words of workers; touches nothing else on the host.
 *
 * Keeps nothing between two sweeps. Must stay true: nothing is removed on ignorance. What seems to have no owner is looked
 * at twice, some seconds apart, each time with a Redis that answers and may be trusted, and an engine that does.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { WORKER_BEAT_MS, type RedisVerdict, type TaskStore, type WorkerRegistry } from '@function-runner/task-store';
import type { ContainerEngine, FoundContainer } from '../container/container-engine.port.js';
import type { Logger } from '../logging/logger.js';
import type { WorkerMetrics } from '../metrics/worker-metrics.js';
import type { LeaseKeeper } from '../lease/lease-keeper.js';
import type { LiveRuns } from '../run/live-runs.js';
import { findStagedFolders, type StagedFolder } from '../workspace/find-staged-folders.js';
import type { Workspace } from '../workspace/workspace.js';
import { within } from './within.js';
import { GRACE_MS, whyNoAttempt, whyOwnerless, type OwnerFacts, type Ownerless } from './why-ownerless.js';

/** Between the two looks: after an outage of Redis the living workers need a moment to give their word. */
const SECOND_LOOK_MS = 3 * WORKER_BEAT_MS;

/** How long Redis may take to say how it is, milliseconds. */
const REDIS_ANSWER_MS = 2000;

/** A serving container is created soon after its folder was made, milliseconds; a slow engine takes some seconds. */
const SERVING_GRACE_MS = 60_000;

/** Something that nobody owns. */
export interface OwnerlessThing {
  kind: 'container' | 'folder';
  /** The container's id; of a folder `<project>/<folder>`, without a project where it served any. */
  name: string;
  why: Ownerless;
  /** Empty where it served many. */
  taskId: string;
  attempt: number;
  /** Empty where that is not known. */
  workerId: string;
  ageMs: number;
  /** Why it could not be removed. */
  fault?: string;
}

/** What a sweep works with. */
export interface SweepTools {
  engine: Pick<ContainerEngine, 'kind' | 'find' | 'remove' | 'machine'>;
  store: Pick<TaskStore, 'read'>;
  registry: Pick<WorkerRegistry, 'isAlive' | 'list'>;
  workspace: Pick<Workspace, 'discardServing'>;
  redis: { run: () => Promise<RedisVerdict> };
  live: Pick<LiveRuns, 'has'>;
  leases: Pick<LeaseKeeper, 'holds'>;
  config: { workerId: string; workspaceRoot: string };
  metrics: Pick<WorkerMetrics, 'reaped' | 'repairs'>;
  logger: Logger;
}

/** A thing, and how it is removed. */
interface Found extends OwnerlessThing {
  remove: () => Promise<void>;
}

export class OwnerlessSweep {
  constructor(private readonly tools: SweepTools) {}

  /**
   * Looks twice and removes what has no owner either time, unless it is a dry run. `folders`: whether those of the workspace are
   * looked at too, which takes a look into every project.
   * @returns what was removed, or would have been
   * @throws Error where Redis or the engine does not answer, or Redis may not be trusted; nothing is removed then
   */
  async sweepOnce({ dryRun, folders, signal }: { dryRun: boolean; folders: boolean; signal?: AbortSignal }): Promise<OwnerlessThing[]> {
    const suspects = new Set((await this.look(folders)).map(({ name }) => name));
    if (suspects.size === 0) return [];
    await delay(SECOND_LOOK_MS, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) });
    const ownerless = (await this.look(folders)).filter(({ name }) => suspects.has(name));
    const things: OwnerlessThing[] = [];
    for (const { remove, ...thing } of ownerless) {
      signal?.throwIfAborted();
      things.push(dryRun ? thing : await this.removeOne(thing, remove));
    }
    return things;
  }

  /** One that cannot be removed does not keep the others. */
  private async removeOne(thing: OwnerlessThing, remove: () => Promise<void>): Promise<OwnerlessThing> {
    const { metrics, logger } = this.tools;
    try {
      await remove();
    } catch (error) {
      logger.error({ err: error, ...thing }, 'what nobody owns could not be removed; trying again later');
      return { ...thing, fault: error instanceof Error ? error.message : String(error) };
    }
    if (thing.kind === 'container') metrics.reaped.inc();
    metrics.repairs.inc({ kind: thing.kind === 'container' ? 'container-without-task' : 'folder-without-task' });
    logger.warn(thing, 'removed what nobody owns');
    return thing;
  }

  private async look(folders: boolean): Promise<Found[]> {
    const { up, facts } = await within(REDIS_ANSWER_MS, this.tools.redis.run());
    if (!up) throw new Error(String(facts['message']));
    const containers = await this.tools.engine.find();
    return [...(await this.ownerlessContainers(containers)), ...(folders ? await this.ownerlessFolders(containers) : [])];
  }

  private async ownerlessContainers(containers: readonly FoundContainer[]): Promise<Found[]> {
    const { engine, workspace } = this.tools;
    const found: Found[] = [];
    for (const container of containers) {
      const { id, taskId, attempt, workerId, ageMs, serving } = container;
      const why = whyOwnerless(container, await this.factsOf(container));
      if (why === undefined) continue;
      found.push({
        kind: 'container', name: id, why, taskId, attempt, workerId, ageMs,
        remove: async () => {
          await engine.remove(id);
          if (serving !== undefined) await workspace.discardServing(serving.projectName, serving.folderName);
        },
      });
    }
    return found;
  }

  private async factsOf({ taskId, workerId, leaseId, serving }: FoundContainer): Promise<OwnerFacts> {
    const { store, registry, live, leases, config } = this.tools;
    return {
      ownWorkerId: config.workerId,
      isLive: live.has(taskId),
      isHeld: leases.holds(leaseId),
      isWorkerAlive: serving === undefined || (await registry.isAlive(workerId)),
      record: serving === undefined ? await store.read(taskId) : undefined,
    };
  }

  private async ownerlessFolders(containers: readonly FoundContainer[]): Promise<Found[]> {
    const served = new Set(containers.flatMap(({ serving }) => (serving === undefined ? [] : [serving.folderName])));
    const knowsAllServing = await this.knowsAllServing();
    const found: Found[] = [];
    for (const folder of await findStagedFolders(this.tools.config.workspaceRoot)) {
      const { projectName, folderName, draft, ageMs } = folder;
      const why = draft === undefined ? (knowsAllServing && ageMs >= SERVING_GRACE_MS && !served.has(folderName) ? 'container-gone' : undefined) : await this.whyNoDraft(draft, ageMs);
      if (why === undefined) continue;
      found.push({
        kind: 'folder', name: `${projectName ?? ''}/${folderName}`, why, taskId: draft?.taskId ?? '', attempt: draft?.attempt ?? 0, workerId: '', ageMs,
        remove: () => this.tools.workspace.discardServing(projectName, folderName),
      });
    }
    return found;
  }

  private async whyNoDraft({ taskId, attempt }: NonNullable<StagedFolder['draft']>, ageMs: number): Promise<Ownerless | undefined> {
    if (ageMs < GRACE_MS || this.tools.live.has(taskId)) return undefined;
    return whyNoAttempt(attempt, await this.tools.store.read(taskId));
  }

  /** Whether a serving container that this engine does not know cannot be another's: all workers that live use this engine. */
  private async knowsAllServing(): Promise<boolean> {
    const { engine, registry } = this.tools;
    if (engine.kind !== 'docker') return false;
    const { id } = await engine.machine();
    return (await registry.list()).every(({ hostId }) => hostId === id);
  }
}
