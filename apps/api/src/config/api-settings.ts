import { setting, type SettingTable } from '@function-runner/settings';
import { parseRedisUrl } from '@function-runner/task-store';

/** Every environment variable of the api process, TIER_* apart (see `loadTiers`). */
export const API_SETTINGS = {
  port: setting.integer('PORT', 3000, { min: 0, max: 65_535 }, 'Port of REST and Socket.IO; 0 takes a free one, which the log names.'),
  host: setting.text('HOST', '127.0.0.1', 'Address to listen on. With `AUTH_MODE=none` only a loopback address is taken.'),
  authMode: setting.choice('AUTH_MODE', ['none'], 'none', 'How callers are recognised. `none`: everybody who can connect may do everything.'),
  allowedOrigins: setting.custom<readonly string[] | undefined>(
    'ALLOWED_ORIGINS', '', { meaning: 'Origins of web pages that may connect, separated by commas, such as `https://editor.example`. Unset: pages of this machine (loopback). Programs that send no Origin may always connect.' }, parseOrigins,
  ),
  redisUrl: setting.custom<string>('REDIS_URL', 'redis://127.0.0.1:6379', { meaning: 'The Redis that api and worker share: `redis://` or `rediss://`, with user, password and database where needed, or `redis+sentinel://host:port,host:port/<name of the primary>`; IPv6 addresses in brackets.', secret: true }, parseRedisUrl),
  queuePrefix: setting.text('QUEUE_PREFIX', 'bull', 'Prefix of BullMQ’s keys; the same for api and worker.'),
  allowNoPersistence: setting.choice('REDIS_ALLOW_NO_PERSISTENCE', ['true', 'false'], 'false', 'Accept a Redis that keeps nothing over a restart; without it the api is not ready and refuses tasks with `UNAVAILABLE`.'),
  workspaceRoot: setting.text('WORKSPACE_ROOT', './workspace', 'Folder that holds the projects’ folders.'),
  modelsRoot: setting.optionalText('MODELS_ROOT', 'The model store; unset: `Library/AI_Models` in the workspace.'),
  pipelinesFile: setting.optionalText('PIPELINES_CONFIG', 'File of tiers and pipelines; unset: `config/pipelines.json` where it exists, else the defaults.'),
  eventRetentionMs: setting.duration('EVENT_RETENTION', '24h', 'How long a task’s record and events outlive its end.'),
  drainTimeoutMs: setting.duration('DRAIN_TIMEOUT', '30s', 'Longest time from SIGTERM to the end of the process.'),
  lastCallMs: setting.duration('LAST_CALL', '3s', 'How long after SIGTERM requests are still served while readiness is 503 already, so that whoever spreads them notices before any is lost; at most half of `DRAIN_TIMEOUT`.'),
  queueLimit: setting.integer('QUEUE_LIMIT', 10_000, { min: 1, max: 10_000_000 }, 'Tasks that may wait in a tier’s queue; further ones are refused with `QUEUE_FULL`.'),
  capableWorkerWaitMs: setting.duration('CAPABLE_WORKER_WAIT', '10m', 'How long a task waits for a worker that could run it, while no live one could; then it ends with `NO_CAPABLE_WORKER`. A new task is refused with it at once where no host of that time could run it.'),
  maxPayload: setting.bytes('MAX_PAYLOAD', '1Mi', 'Largest request; a larger one is refused with `PAYLOAD_TOO_LARGE`.'),
  logLevel: setting.choice('LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info', 'Least level of the lines in the log.'),
} as const satisfies SettingTable;

function parseOrigins(text: string): { ok: true; value: readonly string[] | undefined } | { ok: false; expected: string } {
  const origins = text.split(',').map((part) => part.trim()).filter((part) => part !== '');
  const wrong = origins.some((origin) => origin !== 'null' && (!URL.canParse(origin) || new URL(origin).origin !== origin));
  return wrong ? { ok: false, expected: 'origins such as https://editor.example, separated by commas and without a path' } : { ok: true, value: origins.length === 0 ? undefined : origins };
}
