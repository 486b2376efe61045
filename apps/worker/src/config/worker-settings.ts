import { setting } from '@function-runner/settings';
import { parseRedisUrl } from '@function-runner/task-store';
import { parseGpuInventory } from './gpu-inventory.js';
import { parseProcessCommands } from './process-commands.js';
import { parseWarmMinimum } from './warm-minimum.js';

/** Everything the worker reads from its environment; docs/configuration.md is checked against this table. */
export const WORKER_SETTINGS = {
  host: setting.text('HOST', '127.0.0.1', 'Address that the HTTP server (health, metrics) listens on.'),
  port: setting.integer('WORKER_PORT', 3001, { min: 0, max: 65_535 }, 'Port of the worker’s HTTP server; 0 takes a free one.'),
  redisUrl: setting.custom<string>('REDIS_URL', 'redis://127.0.0.1:6379', { meaning: 'The Redis that api and worker share: `redis://` or `rediss://`, with user, password and database where needed, or `redis+sentinel://host:port,host:port/<name of the primary>`; IPv6 addresses in brackets.', secret: true }, parseRedisUrl),
  queuePrefix: setting.text('QUEUE_PREFIX', 'bull', 'Prefix of the BullMQ keys; on a Redis cluster give it braces, such as `{bull}`.'),
  pipelinesConfig: setting.optionalText('PIPELINES_CONFIG', 'The pipelines file; without it `config/pipelines.json` where that exists, else the built-in tiers.'),
  workspaceRoot: setting.text('WORKSPACE_ROOT', 'workspace', 'Folder that holds a folder for each project.'),
  workspaceHostRoot: setting.optionalText('WORKSPACE_HOST_ROOT', 'The same folder as the container engine’s host knows it; needed only where the worker runs in a container and cannot find it by itself.'),
  modelsRoot: setting.optionalText('MODELS_ROOT', 'The model store; default `{WORKSPACE_ROOT}/Library/AI_Models`.'),
  containerEngine: setting.choice('CONTAINER_ENGINE', ['docker', 'process', 'null'], 'docker', '`docker`; `process` runs the pipeline’s command without isolation, for development only; `null` runs nothing, for measuring the control plane.'),
  dockerHost: setting.optionalText('DOCKER_HOST', 'The Docker daemon, `unix:///path` or `tcp://host:port`; default the local socket.'),
  imagePull: setting.choice('IMAGE_PULL', ['missing', 'never'], 'missing', 'Whether an image that is not on the host is pulled.'),
  gpuInventory: setting.custom('GPU_INVENTORY', 'auto', { meaning: 'The GPUs of this host: `auto` asks nvidia-smi where it is installed, `none`, or a JSON list of `{"uuid","name","vram_gib"}`, which are leased and shown to pipelines as told, without a device behind them.' }, parseGpuInventory),
  nvidiaSmi: setting.text('NVIDIA_SMI', 'nvidia-smi', 'The program that tells of GPUs, by its name or its path.'),
  gpuPollMs: setting.duration('GPU_POLL_INTERVAL', '10s', 'Between two looks at the GPUs, for `GPU_INVENTORY=auto`; 100 ms at least.'),
  vramHeadroomBytes: setting.bytes('VRAM_HEADROOM', '0Mi', 'Memory of every device that is never leased, such as `512Mi`.'),
  hostId: setting.optionalText('HOST_ID', 'Names the machine whose GPUs, cores and memory are leased: the same for all workers that share them. Default: the id of the container engine. Set it where two engines share a machine’s GPUs.'),
  hostCpus: setting.optional(setting.number('HOST_CPUS', 1, { min: 0.1, max: 10_000 }, 'Cores that may be leased on this host; default what the engine tells, times `CPU_OVERCOMMIT`.')),
  cpuOvercommit: setting.number('CPU_OVERCOMMIT', 2, { min: 1, max: 100 }, 'How often a core may be leased: cores are shared by time, and a pipeline rarely keeps its own busy. Memory is never leased twice.'),
  hostMemoryBytes: setting.optional(setting.bytes('HOST_MEMORY', '1Gi', 'Memory that may be leased on this host, such as `24Gi`; default nine tenths of what the engine tells.')),
  concurrency: setting.integer('WORKER_CONCURRENCY', 4, { min: 1, max: 1000 }, 'Tasks that this process runs at once; a tier’s `max_concurrent` holds across the cluster beside it, and what the host has across its workers.'),
  drainTimeoutMs: setting.duration('DRAIN_TIMEOUT', '30s', 'On SIGTERM: how long running tasks may go on; what then still runs is put back into its queue.'),
  retentionMs: setting.duration('EVENT_RETENTION', '24h', 'How long a task’s record and events are kept after its end.'),
  progressPerSecond: setting.integer('PROGRESS_PER_SECOND', 20, { min: 0, max: 1000 }, 'Most progress events a second of one task, the latest wins; 0 for no limit.'),
  warmContainers: setting.integer('WARM_CONTAINERS', 4, { min: 0, max: 1000 }, 'Containers of server-mode pipelines that this process keeps warm; 0 ends each with its task.'),
  warmIdleMs: setting.duration('WARM_IDLE_TIMEOUT', '10m', 'How long a warm container waits for its next task.'),
  warmMinimum: setting.custom('WARM_MINIMUM', '{}', { meaning: 'Containers that this process always keeps warm: JSON of pipeline id → number, together at most `WARM_CONTAINERS`. They are started when the worker starts, and neither idling nor a waiting task ends them.' }, parseWarmMinimum),
  outputLimitBytes: setting.bytes('OUTPUT_LIMIT', '64Gi', 'Largest take.'),
  defaultMemory: setting.bytes('DEFAULT_MEMORY', '8Gi', 'Memory of a container whose pipeline has no pipeline.json.'),
  maxLosses: setting.integer('MAX_WORKER_LOSSES', 3, { min: 1, max: 100 }, 'A task whose worker died this many times fails with WORKER_LOST.'),
  installId: setting.optionalText('INSTALL_ID', 'Marks our containers; workers of one installation share it. Default: made once and kept in the workspace.'),
  nullEngineDurationMs: setting.integer('NULL_ENGINE_DURATION_MS', 0, { min: 0, max: 3_600_000 }, 'Over how many milliseconds the `null` engine spreads its eight progress events.'),
  processCommands: setting.custom('PROCESS_COMMANDS', '{}', { meaning: 'For `CONTAINER_ENGINE=process`: JSON of image → command line, in place of the image’s own entrypoint.' }, parseProcessCommands),
  allowNoPersistence: setting.choice('REDIS_ALLOW_NO_PERSISTENCE', ['true', 'false'], 'false', 'Accept a Redis that keeps nothing over a restart; without it the worker is not ready and takes no task.'),
  logLevel: setting.choice('LOG_LEVEL', ['debug', 'info', 'warn', 'error'], 'info', 'Least severe level that is logged.'),
};
