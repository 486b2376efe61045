import type { AddressInfo, Socket } from 'node:net';
import type { Server as HttpServer } from 'node:http';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { AppModule } from './app.module.js';
import type { ApiConfig } from './config/read-config.js';
import { PipelineCatalog } from './dispatch/pipeline-catalog.js';
import { isOriginAllowed } from './gateway/origin-policy.js';
import { RunnerGateway } from './gateway/runner.gateway.js';
import { RunnerIoAdapter } from './gateway/runner-io.adapter.js';
import { CapabilityView } from './hosts/capability-view.js';
import { Drain } from './lifecycle/drain.js';
import { shutDown } from './lifecycle/shutdown.js';
import { BatchTracker } from './progress/batch-tracker.js';
import { ProgressRelay } from './progress/progress-relay.js';
import { SlowClients } from './progress/slow-clients.js';
import { TaskQueues } from './queue/task-queues.adapter.js';
import { RedisConnections } from './redis/redis-connections.js';
import { EventStreams } from './rest/event-streams.js';
import { Reconciler } from './truth/reconciler.js';
import { QueueNarrator } from './waiting/queue-narrator.js';

/** An api that listens. */
export interface RunningApi {
  /** Where it listens, such as `http://127.0.0.1:3000`. */
  url: string;
  /** Ends it in phases within DRAIN_TIMEOUT, or within a second from when `hurry` aborts. Resolves when nothing of it is left. */
  stop: (hurry?: AbortSignal) => Promise<void>;
}

/** Builds the api and listens. @throws Error when the port cannot be had */
export async function createApi(config: ApiConfig, logger: LoggerService): Promise<RunningApi> {
  const app = await NestFactory.create<NestExpressApplication>(AppModule.with(config), { logger, bodyParser: false, abortOnError: false });
  app.useBodyParser('json', { limit: config.maxPayload, type: ['application/json', 'application/*+json'] });
  app.disable('x-powered-by');
  const drain = app.get(Drain);
  // So that a pool of connections gives this one up, instead of sending a request while it is being closed.
  app.use((_request: Request, response: Response, next: NextFunction) => {
    if (drain.isDraining) response.setHeader('Connection', 'close');
    next();
  });
  app.enableCors({ origin: (origin: string | undefined, decide: (error: Error | null, allow: boolean) => void) => decide(null, isOriginAllowed(origin, config.allowedOrigins)) });
  app.useWebSocketAdapter(new RunnerIoAdapter(app, config));
  await Promise.all([app.get(PipelineCatalog).open(), waitForRedis(app.get(TaskQueues), app.get(RedisConnections), logger)]);
  const server: HttpServer = app.getHttpServer();
  const connections = rememberConnections(server);
  await app.listen(config.port, config.host);
  void app.get(CapabilityView).open();
  app.get(QueueNarrator).open();
  app.get(Reconciler).open();
  const { port } = server.address() as AddressInfo;
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  return { url: `http://${host}:${port}`, stop: (hurry) => stopApi(app, connections, config, hurry) };
}

/** The TCP connections that are open, whatever is spoken over them. */
function rememberConnections(server: HttpServer): ReadonlySet<Socket> {
  const connections = new Set<Socket>();
  server.on('connection', (connection: Socket) => {
    connections.add(connection);
    connection.once('close', () => connections.delete(connection));
  });
  return connections;
}

/** So that the first request finds Redis. Without one the api starts all the same, says so in its readiness, and serves once it comes. */
async function waitForRedis(queues: TaskQueues, { fitness }: RedisConnections, logger: LoggerService): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), REDIS_PATIENCE_MS);
  });
  const outcome = await Promise.race([Promise.all([queues.whenReady(), fitness.whenKnown()]), late]);
  clearTimeout(timer);
  if (outcome === 'late') logger.warn('Redis does not answer yet; starting without it', 'Main');
}

async function stopApi(app: NestExpressApplication, connections: ReadonlySet<Socket>, config: ApiConfig, hurry?: AbortSignal): Promise<void> {
  const drain = app.get(Drain);
  const gateway = app.get(RunnerGateway);
  const lastCallMs = Math.min(config.lastCallMs, config.drainTimeoutMs / 2);
  drain.lastCall();
  await shutDown(
    [
      { name: 'leaving what is done for all to another process', run: async () => void (await Promise.all([app.get(QueueNarrator).close(), app.get(Reconciler).close()])) },
      { name: 'last call: not ready, and served all the same', run: () => pause(lastCallMs, hurry) },
      {
        name: 'sending clients to another process',
        run: async () => {
          app.getHttpServer().close();
          app.get(EventStreams).close();
          await gateway.sendAway(LEAVE_MS);
        },
      },
      {
        name: 'waiting for the requests under way',
        run: async () => {
          gateway.stopReading();
          // What has been read has entered by then.
          await turn();
          await drain.idle();
        },
      },
      {
        name: 'closing sockets and streams',
        run: async () => {
          drain.close();
          app.get(SlowClients).close();
          app.get(BatchTracker).close();
          app.get(ProgressRelay).close();
          await gateway.closeSockets(LAST_WORDS_MS);
          // WebSockets too, whose peers may be asleep.
          const cutOff = setTimeout(() => connections.forEach((connection) => connection.destroy()), LAST_WORDS_MS);
          await app.close();
          clearTimeout(cutOff);
        },
      },
      {
        name: 'closing the queues',
        run: async () => {
          app.get(PipelineCatalog).close();
          app.get(CapabilityView).close();
          await app.get(TaskQueues).close();
        },
      },
      { name: 'closing Redis', run: () => app.get(RedisConnections).close() },
    ],
    config.drainTimeoutMs,
    hurry,
  );
}

/** Waits, unless somebody is in a hurry. */
async function pause(ms: number, hurry: AbortSignal | undefined): Promise<void> {
  await delay(ms, undefined, hurry === undefined ? {} : { signal: hurry }).catch((error: unknown) => {
    if (hurry?.aborted !== true) throw error;
  });
}

/** Longest wait for Redis at boot, milliseconds: a second of the three that a start may take. */
const REDIS_PATIENCE_MS = 1_000;

/** Time for clients to connect elsewhere once they are asked to, milliseconds. */
const LEAVE_MS = 1_000;

/** Time for answers and farewells on their way to clients that do not hang up by themselves, milliseconds. */
const LAST_WORDS_MS = 500;
