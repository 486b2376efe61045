import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SettingsError, TiersFileError } from '@function-runner/settings';
import { loadWorkerConfig } from './config/worker-config.js';
import { endProcessInOrder } from './lifecycle/end-process-in-order.js';
import { WorkerLifecycle } from './lifecycle/worker-lifecycle.js';
import { LOGGER, type Logger } from './logging/logger.js';
import { NestLogger } from './logging/nest-logger.js';
import { WorkerModule } from './worker.module.js';

try {
  const config = loadWorkerConfig();
  const app = await NestFactory.create<NestExpressApplication>(WorkerModule.with(config), { bufferLogs: true, abortOnError: false });
  const logger = app.get<Logger>(LOGGER);
  app.useLogger(new NestLogger(logger));
  app.disable('x-powered-by');
  endProcessInOrder(app, app.get(WorkerLifecycle), logger);
  await app.listen(config.port, config.host);
  logger.info({ ms: Math.round(process.uptime() * 1000) }, `worker listens on ${await app.getUrl()}`);
} catch (error) {
  // What the operator can mend is said without a stack; anything else is ours and shows all of it.
  const mendable = error instanceof SettingsError || error instanceof TiersFileError;
  console.error(mendable ? error.message : error);
  process.exit(1);
}
