import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { ClusterReader } from '@function-runner/lease-book';
import { QUALITY_TIERS, type QualityTier } from '@function-runner/pipeline-schema';
import { keys } from '@function-runner/progress-protocol';
import { LearnedDemand, OpenTasks, ProjectHistory, ProjectStore, RedisCheck, TaskStore, WorkerRegistry } from '@function-runner/task-store';
import { API_CONFIG, type ApiConfig } from './config/read-config.js';
import { BatchService } from './dispatch/batch.service.js';
import { CancelService } from './dispatch/cancel.service.js';
import { DispatchService } from './dispatch/dispatch.service.js';
import { PipelineCatalog } from './dispatch/pipeline-catalog.js';
import { StartGate } from './dispatch/start-gate.js';
import { DutyLease } from './duty/duty-lease.js';
import { GatewayOptions } from './gateway/gateway-options.js';
import { RunnerGateway } from './gateway/runner.gateway.js';
import { HealthController } from './health/health.controller.js';
import { CapabilityView } from './hosts/capability-view.js';
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
import { WaitingJobs } from './queue/waiting-jobs.adapter.js';
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
import { Reconciler } from './truth/reconciler.js';
import { Reconciliation } from './truth/reconciliation.js';
import { GivenUpTasks } from './waiting/given-up-tasks.js';
import { LearnedDurations } from './waiting/learned-durations.adapter.js';
import { Narration } from './waiting/narration.js';
import { QueueNarrator } from './waiting/queue-narrator.js';
import { SchedulerFeed } from './waiting/scheduler-feed.js';

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
        StartGate,
        ApiMetrics,
        { provide: RedisConnections, useFactory: () => new RedisConnections(config) },
        { provide: TaskStore, inject: [RedisConnections], useFactory: ({ request }: RedisConnections) => new TaskStore(request, { retentionMs: config.eventRetentionMs }) },
        // Its answers are large, and hold up nobody on this connection.
        { provide: ProjectHistory, inject: [RedisConnections], useFactory: ({ background }: RedisConnections) => new ProjectHistory(background, new TaskStore(background, { retentionMs: config.eventRetentionMs })) },
        { provide: WorkerRegistry, inject: [RedisConnections], useFactory: ({ background }: RedisConnections) => new WorkerRegistry(background) },
        { provide: ClusterReader, inject: [RedisConnections, WorkerRegistry], useFactory: ({ background }: RedisConnections, registry: WorkerRegistry) => new ClusterReader(background, registry) },
        { provide: CapabilityView, inject: [WorkerRegistry], useFactory: (registry: WorkerRegistry) => new CapabilityView(registry, { waitMs: config.capableWorkerWaitMs }) },
        { provide: ProjectStore, inject: [RedisConnections], useFactory: ({ request }: RedisConnections) => new ProjectStore(request) },
        // An editor with a project service of its own replaces this one provider.
        { provide: PROJECT_DIRECTORY, inject: [ProjectStore], useFactory: (store: ProjectStore) => new RedisProjectDirectory(store) },
        { provide: TaskQueues, inject: [RedisConnections], useFactory: ({ request }: RedisConnections) => new TaskQueues(request, { prefix: config.queuePrefix, tiers: config.tiers }) },
        { provide: PipelineCatalog, useFactory: () => new PipelineCatalog(config.modelsRoot) },
        {
          provide: DispatchService, inject: [PROJECT_DIRECTORY, TaskStore, TaskQueues, PipelineCatalog, CapabilityView, RedisConnections],
          useFactory: (projects: ProjectDirectory, store: TaskStore, queues: TaskQueues, pipelines: PipelineCatalog, capability: CapabilityView, redis: RedisConnections) =>
            new DispatchService(projects, store, queues, pipelines, capability, redis, { tiers: config.tiers, queueLimit: config.queueLimit }),
        },
        { provide: BatchService, inject: [DispatchService, TaskStore, RedisConnections], useFactory: (dispatch: DispatchService, store: TaskStore, { requestPatience }: RedisConnections) => new BatchService(dispatch, store, requestPatience) },
        { provide: CancelService, inject: [TaskStore, TaskQueues], useFactory: (store: TaskStore, queues: TaskQueues) => new CancelService(store, queues) },
        { provide: EventFeed, inject: [RedisConnections], useFactory: ({ subscriber }: RedisConnections) => new EventFeed(subscriber) },
        {
          provide: ProgressRelay, inject: [EventFeed, TaskStore, ApiMetrics],
          useFactory: (feed: EventFeed, store: TaskStore, metrics: ApiMetrics) => new ProgressRelay(feed, store, metrics),
        },
        { provide: BatchTracker, inject: [ProgressRelay, TaskStore], useFactory: (relay: ProgressRelay, store: TaskStore) => new BatchTracker(relay, store) },
        {
          provide: QueueNarrator, inject: [RedisConnections, TaskQueues, WorkerRegistry, ClusterReader, ApiMetrics],
          useFactory: (redis: RedisConnections, queues: TaskQueues, registry: WorkerRegistry, cluster: ClusterReader, metrics: ApiMetrics) =>
            narratorOf(config, redis, { queues, registry, cluster, metrics }),
        },
        {
          provide: Reconciler, inject: [RedisConnections, TaskQueues, ApiMetrics],
          useFactory: (redis: RedisConnections, queues: TaskQueues, metrics: ApiMetrics) => reconcilerOf(config, redis, { queues, metrics }),
        },
        SlowClients,
        { provide: EventStreams, inject: [ProgressRelay], useFactory: (relay: ProgressRelay) => new EventStreams(relay) },
        { provide: RedisCheck, inject: [RedisConnections], useFactory: ({ request, fitness }: RedisConnections) => new RedisCheck(request, fitness) },
        RunnerGateway,
        { provide: APP_FILTER, useClass: ProblemFilter },
        { provide: APP_INTERCEPTOR, useClass: RequestInterceptor },
      ],
    };
  }
}

/** Names an api among those that share a duty. */
function ownName(): string {
  return `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** Who repairs what does not agree: on the connection for what nobody waits for. */
function reconcilerOf(config: ApiConfig, { background }: RedisConnections, { queues, metrics }: { queues: TaskQueues; metrics: ApiMetrics }): Reconciler {
  const store = new TaskStore(background, { retentionMs: config.eventRetentionMs });
  const parts = { store, open: new OpenTasks(background), jobs: new WaitingJobs(background, config.queuePrefix), queues, metrics };
  return new Reconciler(new DutyLease(background, keys.reconciler, ownName()), () => new Reconciliation(parts));
}

/** Who tells waiting tasks where they stand: on a connection of its own, so that no request waits for it. */
function narratorOf(config: ApiConfig, { background, subscriber }: RedisConnections, { queues, registry, cluster, metrics }: { queues: TaskQueues; registry: WorkerRegistry; cluster: ClusterReader; metrics: ApiMetrics }): QueueNarrator {
  const store = new TaskStore(background, { retentionMs: config.eventRetentionMs });
  const jobs = new WaitingJobs(background, config.queuePrefix);
  const feed = new SchedulerFeed(subscriber);
  const durations = new LearnedDurations(new LearnedDemand(background));
  const limits: Record<QualityTier, number> = { low: 0, standard: 0, high: 0, premium: 0 };
  for (const tier of QUALITY_TIERS) limits[tier] = config.tiers[tier].max_concurrent;
  return new QueueNarrator(new DutyLease(background, keys.narrator, ownName()), () => {
    const givenUp = new GivenUpTasks(background, store, queues, jobs);
    return new Narration({ feed, jobs, registry, cluster, store, durations, givenUp, metrics }, { limits, capableWorkerWaitMs: config.capableWorkerWaitMs });
  });
}
