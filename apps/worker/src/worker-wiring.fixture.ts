import { ClusterReader } from '@function-runner/lease-book';
import { place, waitingTaskOf } from '@function-runner/scheduling';
import type { JobPayload } from '@function-runner/task-contract';
import { LearnedDemand, TaskStore, WorkerRegistry } from '@function-runner/task-store';
import type { WorkerConfig } from './config/worker-config.js';
import { DockerEngine } from './container/docker-engine.adapter.js';
import { InstallIdentity } from './container/install-identity.js';
import { ClusterView } from './intake/cluster-view.js';
import { DeviceInventory } from './inventory/device-inventory.js';
import { DeadWorkers } from './lease/dead-workers.js';
import type { HeldLease } from './lease/held-lease.js';
import { Host } from './lease/host.js';
import { DemandLog } from './demand/demand-log.js';
import { VramGauge } from './demand/vram-gauge.js';
import { LeaseKeeper } from './lease/lease-keeper.js';
import { createLogger } from './logging/logger.js';
import { WorkerMetrics } from './metrics/worker-metrics.js';
import { PipelineLibrary } from './models/pipeline-library.js';
import { RedisConnections } from './progress/redis-connections.js';
import { ContainerExecutor } from './run/container-executor.js';
import { ContainerShape } from './run/container-shape.js';
import { LiveRuns } from './run/live-runs.js';
import { RunTask, type RunEnd } from './run/run-task.js';
import { WorkerOrders } from './run/worker-orders.js';
import { RecentProjects } from './warm/recent-projects.js';
import { ServingStarter } from './warm/serving-starter.js';
import { WarmPool } from './warm/warm-pool.js';
import { WarmUp } from './warm/warm-up.js';
import { Workspace } from './workspace/workspace.js';

const logger = createLogger('silent', 'test');

/** How often each task has been taken, by any worker of the spec, as BullMQ would count. */
const takings = new Map<string, number>();

/** One worker's wiring below its intake, by hand: what WorkerModule makes of the same configuration. Nothing runs before {@link open}. */
export class WorkerWiring {
  readonly redis: RedisConnections;
  readonly store: TaskStore;
  readonly registry: WorkerRegistry;
  readonly live = new LiveRuns();
  readonly metrics = new WorkerMetrics();
  readonly engine: DockerEngine;
  readonly workspace: Workspace;
  readonly host: Host;
  readonly leases: LeaseKeeper;
  readonly pool: WarmPool;
  readonly recent: RecentProjects;
  readonly warmUp: WarmUp;
  /** What intake would say to the warm-up, and how often it was asked. */
  readonly gate = { open: true, asked: 0 };
  readonly demand: DemandLog;
  readonly runTask: RunTask;
  readonly orders: WorkerOrders;
  private readonly view: ClusterView;

  constructor(readonly config: WorkerConfig) {
    this.redis = new RedisConnections(config, logger);
    this.store = new TaskStore(this.redis.main, { retentionMs: config.retentionMs });
    this.registry = new WorkerRegistry(this.redis.main);
    const identity = new InstallIdentity(config);
    this.engine = new DockerEngine({ dockerHost: config.dockerHost, pull: config.imagePull }, identity, logger);
    this.workspace = new Workspace(config);
    const inventory = new DeviceInventory(config, logger);
    this.host = new Host(config, this.engine, inventory, this.redis, logger);
    this.leases = new LeaseKeeper(this.host, config, this.metrics, logger);
    this.pool = new WarmPool(config, this.workspace, this.leases, this.metrics, logger);
    this.view = new ClusterView(this.host, this.leases, new ClusterReader(this.redis.main, this.registry), this.pool, config, logger);
    this.demand = new DemandLog(new LearnedDemand(this.redis.main), logger);
    const library = new PipelineLibrary(config, logger);
    const shape = new ContainerShape(config, this.engine, this.workspace, identity, this.host);
    const starter = new ServingStarter(config, this.engine, this.workspace, shape, this.leases);
    this.recent = new RecentProjects(this.redis, logger);
    this.warmUp = new WarmUp(config, this.engine, this.pool, starter, this.recent, library, this.workspace, this.host, this.leases, { mayWarmUp: () => (this.gate.asked += 1) > 0 && this.gate.open }, logger);
    const executor = new ContainerExecutor(config, this.engine, this.workspace, library, shape, this.pool, starter, this.recent, new DeadWorkers(this.registry), this.host, this.leases);
    this.runTask = new RunTask(config, this.store, executor, this.live, this.metrics, this.demand, new VramGauge(inventory, this.leases), this.leases, logger);
    this.orders = new WorkerOrders(config, this.redis, this.live, this.pool, logger);
  }

  /** Declares the host and begins to renew leases. Orders are heard only after `orders.listen`. */
  async open(): Promise<this> {
    await this.host.open();
    await this.leases.open();
    return this;
  }

  /** What a task needs of the host, as intake would hold it: a warm container of this worker's, or a new lease. @throws where neither is to be had */
  async lease(taskId: string, payload: JobPayload): Promise<HeldLease> {
    const task = waitingTaskOf(taskId, 'high', payload, 'normal');
    await this.leases.mirror.refresh();
    // Other workers' containers are theirs to use.
    const hosts = this.view.hosts.map((host) => ({ ...host, warm: host.warm.filter(({ workerId }) => workerId === this.config.workerId) }));
    const placement = place(task, hosts);
    if (placement.kind !== 'placed' || placement.evict.length > 0) throw new Error(`there is no place for the task: ${JSON.stringify(placement)}`);
    const [lease] = placement.warm === undefined ? await this.leases.acquire([{ task, amounts: placement.amounts }]) : [this.pool.choose(placement.warm.leaseId, taskId)];
    if (lease === undefined) throw new Error(`its place was taken by others: ${JSON.stringify(placement)}`);
    return lease;
  }

  /** Runs a task as intake does: on a lease of its own, which is back afterwards unless a warm container keeps it. Every run is another taking of its job. */
  async run(taskId: string, payload: JobPayload, isOurs?: () => Promise<boolean>): Promise<RunEnd> {
    const lease = await this.lease(taskId, payload);
    const starts = (takings.get(taskId) ?? 0) + 1;
    takings.set(taskId, starts);
    try {
      return await this.runTask.run({ taskId, payload, lease, starts, claim: `${this.config.workerId}:${starts}`, isOurs: isOurs ?? (() => Promise.resolve(takings.get(taskId) === starts)) });
    } finally {
      this.pool.unchoose(lease.id, taskId);
      if (!this.pool.has(lease)) await this.leases.release([lease]);
    }
  }

  async close(): Promise<void> {
    await this.demand.close();
    await this.warmUp.stop();
    await this.pool.close();
    this.leases.close();
    this.host.close();
    this.redis.onApplicationShutdown();
  }
}
