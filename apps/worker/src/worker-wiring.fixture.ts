import { TaskStore, WorkerRegistry } from '@function-runner/task-store';
import type { WorkerConfig } from './config/worker-config.js';
import { DockerEngine } from './container/docker-engine.adapter.js';
import { InstallIdentity } from './container/install-identity.js';
import { DeviceInventory } from './inventory/device-inventory.js';
import { Host } from './lease/host.js';
import { LeaseKeeper } from './lease/lease-keeper.js';
import { createLogger } from './logging/logger.js';
import { WorkerMetrics } from './metrics/worker-metrics.js';
import { PipelineLibrary } from './models/pipeline-library.js';
import { RedisConnections } from './progress/redis-connections.js';
import { ContainerExecutor } from './run/container-executor.js';
import { LiveRuns } from './run/live-runs.js';
import { RunTask } from './run/run-task.js';
import { WorkerOrders } from './run/worker-orders.js';
import { WarmPool } from './warm/warm-pool.js';
import { Workspace } from './workspace/workspace.js';

const logger = createLogger('silent', 'test');

/** One worker's wiring below its intake, by hand: what WorkerModule makes of the same configuration. */
export class WorkerWiring {
  readonly redis: RedisConnections;
  readonly store: TaskStore;
  readonly registry: WorkerRegistry;
  readonly live = new LiveRuns();
  readonly metrics = new WorkerMetrics();
  readonly host: Host;
  readonly leases: LeaseKeeper;
  readonly pool: WarmPool;
  readonly runTask: RunTask;
  readonly orders: WorkerOrders;

  constructor(readonly config: WorkerConfig) {
    this.redis = new RedisConnections(config.redisUrl, logger);
    this.store = new TaskStore(this.redis.main, { retentionMs: config.retentionMs });
    this.registry = new WorkerRegistry(this.redis.main);
    const identity = new InstallIdentity(config);
    const engine = new DockerEngine({ dockerHost: config.dockerHost, pull: config.imagePull }, identity, logger);
    const workspace = new Workspace(config);
    this.host = new Host(config, engine, new DeviceInventory(config, logger), this.redis, logger);
    this.leases = new LeaseKeeper(this.host, config, logger);
    this.pool = new WarmPool(config, workspace, this.leases, this.metrics, logger);
    const executor = new ContainerExecutor(config, engine, workspace, new PipelineLibrary(config, logger), identity, this.pool, this.registry, this.host, this.leases);
    this.runTask = new RunTask(config, this.store, executor, this.live, this.metrics, logger);
    this.orders = new WorkerOrders(config, this.redis, this.live, this.pool, logger);
  }

  async close(): Promise<void> {
    await this.pool.close();
    this.redis.onApplicationShutdown();
  }
}
