import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { ProjectStore, RedisCheck, TaskStore, WorkerRegistry } from '@function-runner/task-store';
import { API_CONFIG, type ApiConfig } from './config/read-config.js';
import { BatchService } from './dispatch/batch.service.js';
import { CancelService } from './dispatch/cancel.service.js';
import { DispatchService } from './dispatch/dispatch.service.js';
import { PipelineCatalog } from './dispatch/pipeline-catalog.js';
import { GatewayOptions } from './gateway/gateway-options.js';
import { RunnerGateway } from './gateway/runner.gateway.js';
import { HealthController } from './health/health.controller.js';
import { Drain } from './lifecycle/drain.js';
import { ApiMetrics } from './metrics/api-metrics.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { BatchTracker } from './progress/batch-tracker.js';
import { EventFeed } from './progress/event-feed.js';
import { ProgressRelay } from './progress/progress-relay.js';
import { SlowClients } from './progress/slow-clients.js';
import { PROJECT_DIRECTORY, type ProjectDirectory } from './projects/project-directory.port.js';
import { RedisProjectDirectory } from './projects/redis-project-directory.adapter.js';
import { TaskQueues } from './queue/task-queues.adapter.js';
import { RedisConnections } from './redis/redis-connections.js';
import { CatalogController } from './rest/catalog.controller.js';
import { DocsController } from './rest/docs.controller.js';
import { EventStreams } from './rest/event-streams.js';
import { GenerationsController } from './rest/generations.controller.js';
import { ProblemFilter } from './rest/problem.filter.js';
import { ProjectsController } from './rest/projects.controller.js';
import { RequestInterceptor } from './rest/request.interceptor.js';
import { TasksController } from './rest/tasks.controller.js';
import { WorkersController } from './rest/workers.controller.js';

/** Puts the api together: who gets what. The classes themselves know no container. */
@Module({})
export class AppModule {
  static with(config: ApiConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [GenerationsController, TasksController, ProjectsController, CatalogController, WorkersController, HealthController, MetricsController, DocsController],
      providers: [
        { provide: API_CONFIG, useValue: config },
        { provide: GatewayOptions, useValue: new GatewayOptions(config.maxPayload) },
        Drain,
        ApiMetrics,
        { provide: RedisConnections, useFactory: () => new RedisConnections(config.redisUrl) },
        { provide: TaskStore, inject: [RedisConnections], useFactory: ({ request }: RedisConnections) => new TaskStore(request, { retentionMs: config.eventRetentionMs }) },
        { provide: WorkerRegistry, inject: [RedisConnections], useFactory: ({ request }: RedisConnections) => new WorkerRegistry(request) },
        { provide: ProjectStore, inject: [RedisConnections], useFactory: ({ request }: RedisConnections) => new ProjectStore(request) },
        // An editor with a project service of its own replaces this one provider.
        { provide: PROJECT_DIRECTORY, inject: [ProjectStore], useFactory: (store: ProjectStore) => new RedisProjectDirectory(store) },
        { provide: TaskQueues, inject: [RedisConnections], useFactory: ({ request }: RedisConnections) => new TaskQueues(request, { prefix: config.queuePrefix, tiers: config.tiers }) },
        { provide: PipelineCatalog, useFactory: () => new PipelineCatalog(config.modelsRoot) },
        {
          provide: DispatchService, inject: [PROJECT_DIRECTORY, TaskStore, TaskQueues, PipelineCatalog],
          useFactory: (projects: ProjectDirectory, store: TaskStore, queues: TaskQueues, pipelines: PipelineCatalog) =>
            new DispatchService(projects, store, queues, pipelines, { tiers: config.tiers, queueLimit: config.queueLimit }),
        },
        { provide: BatchService, inject: [DispatchService, TaskStore], useFactory: (dispatch: DispatchService, store: TaskStore) => new BatchService(dispatch, store) },
        { provide: CancelService, inject: [TaskStore, TaskQueues], useFactory: (store: TaskStore, queues: TaskQueues) => new CancelService(store, queues) },
        { provide: EventFeed, inject: [RedisConnections], useFactory: ({ subscriber }: RedisConnections) => new EventFeed(subscriber) },
        {
          provide: ProgressRelay, inject: [EventFeed, TaskStore, ApiMetrics],
          useFactory: (feed: EventFeed, store: TaskStore, metrics: ApiMetrics) => new ProgressRelay(feed, store, metrics),
        },
        { provide: BatchTracker, inject: [ProgressRelay, TaskStore], useFactory: (relay: ProgressRelay, store: TaskStore) => new BatchTracker(relay, store) },
        SlowClients,
        { provide: EventStreams, inject: [ProgressRelay], useFactory: (relay: ProgressRelay) => new EventStreams(relay) },
        { provide: RedisCheck, inject: [RedisConnections], useFactory: ({ request }: RedisConnections) => new RedisCheck(request, { allowNoPersistence: config.allowNoPersistence === 'true' }) },
        RunnerGateway,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_INTERCEPTOR, useClass: RequestInterceptor },
      ],
    };
  }
}
