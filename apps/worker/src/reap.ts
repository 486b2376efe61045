/**
 * What `runner reap` runs: looks once for what nobody owns and removes it, or with --dry-run only says so. Prints one JSON
 * line, the list of things; exits with 1 and a sentence on stderr where nothing can be told for sure, or not all could go.
 */
import { existsSync } from 'node:fs';
import { RedisCheck, RedisFitness, connectRedis, TaskStore, WorkerRegistry } from '@function-runner/task-store';
import { SettingsError, TiersFileError } from '@function-runner/settings';
import { loadWorkerConfig } from './config/worker-config.js';
import { DockerEngine } from './container/docker-engine.adapter.js';
import { InstallIdentity } from './container/install-identity.js';
import { OwnerlessSweep } from './lifecycle/ownerless-sweep.js';
import { within } from './lifecycle/within.js';
import { createLogger } from './logging/logger.js';
import { WorkerMetrics } from './metrics/worker-metrics.js';
import { LiveRuns } from './run/live-runs.js';
import { Workspace } from './workspace/workspace.js';

/** How long a Redis may take to be connected to, milliseconds. */
const CONNECT_MS = 5000;

try {
  const config = loadWorkerConfig();
  if (config.containerEngine !== 'docker') throw new Error(`CONTAINER_ENGINE=${config.containerEngine} leaves no containers; there is nothing to look for`);
  if (!existsSync(config.workspaceRoot)) throw new Error(`there is no workspace ${config.workspaceRoot}; set WORKSPACE_ROOT as for the workers, whose containers are known by an id that it holds`);
  const logger = createLogger('silent', config.workerId);
  const redis = connectRedis(config.redisUrl, 'request', () => undefined);
  const check = new RedisCheck(redis, new RedisFitness(redis, { allowNoPersistence: config.allowNoPersistence === 'true' }));
  await within(CONNECT_MS, redis.ping()).catch(async () => {
    const { facts } = await check.run();
    throw new Error(`${facts['message']}; nobody can tell without it what is owned`);
  });
  const engine = new DockerEngine({ dockerHost: config.dockerHost, pull: 'never' }, new InstallIdentity(config), logger);
  await engine.version().catch((error: unknown) => {
    throw new Error(`the container engine does not answer, so that nothing can be looked for (${messageOf(error)})`);
  });
  const sweep = new OwnerlessSweep({
    engine, config, logger,
    store: new TaskStore(redis, { retentionMs: config.retentionMs }),
    registry: new WorkerRegistry(redis),
    workspace: new Workspace(config),
    redis: check,
    live: new LiveRuns(),
    leases: { holds: () => false },
    metrics: new WorkerMetrics(),
  });
  const things = await sweep.sweepOnce({ dryRun: process.argv.includes('--dry-run'), folders: true });
  process.stdout.write(`${JSON.stringify(things)}\n`, () => process.exit(things.some(({ fault }) => fault !== undefined) ? 1 : 0));
} catch (error) {
  const mendable = error instanceof SettingsError || error instanceof TiersFileError;
  process.stderr.write(`${mendable ? error.message : `nothing was removed: ${messageOf(error)}`}\n`, () => process.exit(1));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
