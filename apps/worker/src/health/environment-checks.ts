import { Inject, Injectable } from '@nestjs/common';
import { WORKER_CONFIG, type WorkerConfig } from '../config/worker-config.js';
import { CONTAINER_ENGINE, type ContainerEngine } from '../container/container-engine.port.js';
import { EngineHealth } from '../container/engine-health.js';
import { DeviceInventory } from '../inventory/device-inventory.js';
import { PipelineLibrary } from '../models/pipeline-library.js';
import { RedisConnections } from '../progress/redis-connections.js';
import { Workspace } from '../workspace/workspace.js';
import { checkGpus } from './gpu-check.js';
import { within } from '../lifecycle/within.js';

/** How long Redis may take to answer. */
const REDIS_TIMEOUT_MS = 2000;

/**
 * What a run needs of its surroundings, each looked at for real. Every check answers with a sentence for people and
 * throws an Error that says what is not in order. The null engine needs neither engine, workspace nor models.
 */
@Injectable()
export class EnvironmentChecks {
  constructor(
    @Inject(WORKER_CONFIG) private readonly config: WorkerConfig,
    @Inject(CONTAINER_ENGINE) private readonly engineAdapter: ContainerEngine,
    private readonly health: EngineHealth,
    private readonly places: Workspace,
    private readonly library: PipelineLibrary,
    private readonly connections: RedisConnections,
    private readonly inventory: DeviceInventory,
  ) {}

  async engine(): Promise<string> {
    if (this.runsNothing) return 'null engine: nothing is run';
    // It may answer and yet have no room for a container.
    await this.health.look();
    if (this.health.fault !== undefined) throw new Error(this.health.fault);
    return `${this.engineAdapter.kind} ${await this.engineAdapter.version()}`;
  }

  /** Pipeline → whether its image is on the host, for every pipeline of the tiers. */
  async images(): Promise<Record<string, boolean>> {
    if (this.runsNothing) return {};
    const wanted = Object.values(this.config.tiers).flatMap(({ pipelines }) => Object.values(pipelines));
    const images = [...new Set(wanted.map(({ container_image }) => container_image))];
    const present = new Map(await Promise.all(images.map(async (image): Promise<[string, boolean]> => [image, await this.engineAdapter.hasImage(image)])));
    return Object.fromEntries(wanted.map(({ pipeline_id, container_image }) => [pipeline_id, present.get(container_image) ?? false]));
  }

  async workspace(): Promise<string> {
    if (this.runsNothing) return 'not used by the null engine';
    await this.places.check();
    return this.config.workspaceRoot;
  }

  async modelStorage(): Promise<string> {
    if (this.runsNothing) return 'not used by the null engine';
    return this.library.check();
  }

  async redis(): Promise<string> {
    const { up, facts } = await within(REDIS_TIMEOUT_MS, this.connections.check.run());
    if (!up) throw new Error(facts['message']);
    return `answers, policy ${facts['policy']}, persistence ${facts['persistence']}`;
  }

  async gpu(): Promise<string> {
    await this.inventory.looked();
    return checkGpus(this.inventory);
  }

  private get runsNothing(): boolean {
    return this.config.containerEngine === 'null';
  }
}
