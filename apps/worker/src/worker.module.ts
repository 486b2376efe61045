import { Module, type DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { LearnedDemand, TaskStore, WorkerRegistry } from '@function-runner/task-store';
import { WORKER_CONFIG, type WorkerConfig } from './config/worker-config.js';
import { CONTAINER_ENGINE, type ContainerEngine } from './container/container-engine.port.js';
import { DemandLog } from './demand/demand-log.js';
import { VramGauge } from './demand/vram-gauge.js';
import { DockerEngine } from './container/docker-engine.adapter.js';
import { EngineHealth } from './container/engine-health.js';
import { InstallIdentity } from './container/install-identity.js';
import { ProcessEngine } from './container/process-engine.adapter.js';
import { EnvironmentChecks } from './health/environment-checks.js';
import { HealthController } from './health/health.controller.js';
import { ClusterReader } from '@function-runner/lease-book';
import { ClusterView } from './intake/cluster-view.js';
import { Intake } from './intake/intake.js';
import { DeadWorkers } from './lease/dead-workers.js';
import { Host } from './lease/host.js';
import { LeaseKeeper } from './lease/lease-keeper.js';
import { DeviceInventory } from './inventory/device-inventory.js';
import { ContainerReaper } from './lifecycle/container-reaper.js';
import { Heartbeat } from './lifecycle/heartbeat.js';
import { WorkerLifecycle } from './lifecycle/worker-lifecycle.js';
import { createLogger, LOGGER, type Logger } from './logging/logger.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { WorkerMetrics } from './metrics/worker-metrics.js';
import { PipelineLibrary } from './models/pipeline-library.js';
import { RedisConnections } from './progress/redis-connections.js';
import { TASK_STORE } from './progress/task-store.token.js';
import { WorkerOrders } from './run/worker-orders.js';
import { ContainerExecutor } from './run/container-executor.js';
import { ContainerShape } from './run/container-shape.js';
import { LiveRuns } from './run/live-runs.js';
import { NullExecutor } from './run/null-executor.js';
import { RunTask } from './run/run-task.js';
import { TASK_EXECUTOR, type TaskExecutor } from './run/task-executor.port.js';
import { RecentProjects } from './warm/recent-projects.js';
import { ServingStarter } from './warm/serving-starter.js';
import { WarmPool } from './warm/warm-pool.js';
import { WARM_UP_GATE, WarmUp } from './warm/warm-up.js';
import { Watchdog } from './watchdog/watchdog.js';
import { Workspace } from './workspace/workspace.js';

/** Puts the worker together: who gets what. The configuration is read once, by whoever starts the process. */
@Module({})
export class WorkerModule {
  static with(config: WorkerConfig): DynamicModule {
    return {
      module: WorkerModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController, MetricsController],
      providers: [
        { provide: WORKER_CONFIG, useValue: config },
        { provide: LOGGER, useFactory: () => createLogger(config.logLevel, config.workerId) },
        { provide: RedisConnections, inject: [LOGGER], useFactory: (logger: Logger) => new RedisConnections(config, logger) },
        { provide: TASK_STORE, inject: [RedisConnections], useFactory: (redis: RedisConnections) => new TaskStore(redis.main, { retentionMs: config.retentionMs }) },
        { provide: ClusterReader, inject: [RedisConnections, WorkerRegistry], useFactory: (redis: RedisConnections, registry: WorkerRegistry) => new ClusterReader(redis.main, registry) },
        { provide: LearnedDemand, inject: [RedisConnections], useFactory: (redis: RedisConnections) => new LearnedDemand(redis.main) },
        { provide: WorkerRegistry, inject: [RedisConnections], useFactory: (redis: RedisConnections) => new WorkerRegistry(redis.main) },
        {
          provide: CONTAINER_ENGINE,
          inject: [InstallIdentity, LOGGER],
          useFactory: (identity: InstallIdentity, logger: Logger): ContainerEngine => {
            if (config.containerEngine !== 'process') return new DockerEngine({ dockerHost: config.dockerHost, pull: config.imagePull }, identity, logger);
            logger.warn('CONTAINER_ENGINE=process: pipelines run as plain processes and NOTHING IS ISOLATED; use it for development only');
            return new ProcessEngine(config.processCommands);
          },
        },
        ContainerExecutor,
        { provide: WARM_UP_GATE, useExisting: Intake },
        {
          provide: TASK_EXECUTOR,
          inject: [ContainerExecutor],
          useFactory: (containers: ContainerExecutor): TaskExecutor => (config.containerEngine === 'null' ? new NullExecutor(config.nullEngineDurationMs) : containers),
        },
        InstallIdentity, EngineHealth, Workspace, PipelineLibrary, LiveRuns, RunTask, DemandLog, VramGauge, Host, LeaseKeeper, DeadWorkers, ClusterView, Intake, WorkerOrders, WorkerMetrics, DeviceInventory, EnvironmentChecks, ContainerReaper, WarmPool, WarmUp, ServingStarter, RecentProjects, ContainerShape, Heartbeat, Watchdog, WorkerLifecycle,
      ],
    };
  }
}
