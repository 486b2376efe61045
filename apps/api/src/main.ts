/** The api process: reads its configuration, listens, and ends in order. */
import { JsonLogger } from './lifecycle/json-logger.service.js';
import { readConfig, type ApiConfig } from './config/read-config.js';
import { createApi } from './create-api.js';

const config = configOrExit();
const logger = new JsonLogger(config.logLevel);

const api = await createApi(config, logger).catch((error: unknown) => {
  logger.fatal(error, 'Main');
  process.exit(1);
});
logger.log(`api ready on ${api.url} in ${Math.round(performance.now())} ms`, 'Main');

let signals = 0;
const hurry = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    signals += 1;
    if (signals === 1) {
      logger.log(`${signal}: draining for at most ${config.drainTimeoutMs} ms`, 'Main');
      void api.stop(hurry.signal).then(() => process.exit(0));
    } else if (signals === 2) {
      logger.warn(`${signal} again: ending at once`, 'Main');
      hurry.abort();
    } else {
      process.exit(1);
    }
  });
}

/** A wrong setting is for a person to mend: the sentence, and no stack. */
function configOrExit(): ApiConfig {
  try {
    return readConfig();
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
