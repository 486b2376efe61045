import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SettingsError, TiersFileError } from '@function-runner/settings';
import { tempFolder } from '@function-runner/testing';
import { loadWorkerConfig } from './worker-config.js';
import { WORKER_SETTINGS } from './worker-settings.js';

describe('loadWorkerConfig', () => {
  it('runs on an empty environment', () => {
    const config = loadWorkerConfig({});
    expect(config).toMatchObject({
      host: '127.0.0.1', port: 3001, redisUrl: 'redis://127.0.0.1:6379', containerEngine: 'docker', imagePull: 'missing', gpuInventory: { source: 'auto' }, nvidiaSmi: 'nvidia-smi', gpuPollMs: 10_000, vramHeadroomBytes: 0, concurrency: 4,
      drainTimeoutMs: 30_000, retentionMs: 86_400_000, progressPerSecond: 20, outputLimitBytes: 64 * 1024 ** 3, defaultMemory: 8 * 1024 ** 3, maxLosses: 3, processCommands: {}, logLevel: 'info',
    });
    expect(config.workspaceRoot).toBe(resolve('workspace'));
    expect(config.modelsRoot).toBe(join(resolve('workspace'), 'Library', 'AI_Models'));
    expect(config.tiers.high.max_concurrent).toBe(3);
  });

  it('makes paths absolute, and takes the store from its own variable', () => {
    expect(loadWorkerConfig({ WORKSPACE_ROOT: '/srv/work/../film', MODELS_ROOT: 'store' })).toMatchObject({ workspaceRoot: '/srv/film', modelsRoot: resolve('store') });
  });

  it('names every process anew', () => {
    expect(loadWorkerConfig({}).workerId).not.toBe(loadWorkerConfig({}).workerId);
  });

  it('names each variable that is wrong, and what would be right', () => {
    const wrong: Record<string, string> = {
      WORKER_PORT: '70000', CONTAINER_ENGINE: 'podman', IMAGE_PULL: 'always', GPU_INVENTORY: 'some', GPU_POLL_INTERVAL: '10', VRAM_HEADROOM: '0', WORKER_CONCURRENCY: '0', DRAIN_TIMEOUT: '30', EVENT_RETENTION: 'a day', PROGRESS_PER_SECOND: '-1', OUTPUT_LIMIT: '64GB',
      DEFAULT_MEMORY: 'lots', CPU_OVERCOMMIT: '0', HOST_CPUS: 'all', HOST_MEMORY: '24GB', MAX_WORKER_LOSSES: '1.5', NULL_ENGINE_DURATION_MS: 'x', PROCESS_COMMANDS: '[]', REDIS_ALLOW_NO_PERSISTENCE: 'yes', LOG_LEVEL: 'trace', WARM_CONTAINERS: '-1', WARM_IDLE_TIMEOUT: 'soon', WARM_MINIMUM: '[]',
    };
    // Every setting whose text can be wrong at all is in the list above.
    const refutable = Object.values(WORKER_SETTINGS).filter(({ parse, secret }) => secret !== true && !parse('\u0001 wrong').ok).map(({ name }) => name);
    expect(refutable.sort()).toEqual(Object.keys(wrong).sort());
    let message = '';
    try {
      loadWorkerConfig(wrong);
    } catch (error) {
      expect(error).toBeInstanceOf(SettingsError);
      ({ message } = error as Error);
    }
    for (const [name, value] of Object.entries(wrong)) expect(message).toMatch(new RegExp(`^${name} must be .*, not "${value.replace(/[[\]]/g, '\\$&')}"$`, 'm'));
  });

  it('refuses a wrong REDIS_URL, and repeats no password', () => {
    expect(() => loadWorkerConfig({ REDIS_URL: 'redis+sentinel://me:secret@host' })).toThrow(/^REDIS_URL must be a URL such as (?!.*secret)/);
  });

  it('names a minimum of warm containers that is more than may be kept', () => {
    const WARM_MINIMUM = '{"flux:1":2,"upscale:1":1}';
    expect(loadWorkerConfig({ WARM_MINIMUM, WARM_CONTAINERS: '3' }).warmMinimum).toEqual({ 'flux:1': 2, 'upscale:1': 1 });
    expect(() => loadWorkerConfig({ WARM_MINIMUM, WARM_CONTAINERS: '2' })).toThrow('WARM_MINIMUM must keep at most as many containers as WARM_CONTAINERS, 2, not 3 in all');
  });

  it.each([['TIER_HIGH_MAX_CONCURRENT', '0'], ['TIER_LOW_TIMEOUT_SECONDS', 'long']])('names %s too', (name, value) => {
    expect(() => loadWorkerConfig({ [name]: value })).toThrow(new RegExp(`^${name} must be`));
  });

  it('names a pipelines file that is wrong', async () => {
    const folder = await tempFolder();
    const file = join(folder.path, 'pipelines.json');
    await writeFile(file, '{"tiers":{"low":{"max_concurrent":0}}}');
    expect(() => loadWorkerConfig({ PIPELINES_CONFIG: file })).toThrow(TiersFileError);
    expect(() => loadWorkerConfig({ PIPELINES_CONFIG: file })).toThrow(/pipelines\.json is not a valid pipelines file:[^]*tiers\.low\.max_concurrent/);
    expect(() => loadWorkerConfig({ PIPELINES_CONFIG: `${file}.missing` })).toThrow(/pipelines\.json\.missing: cannot be read/);
    await folder.remove();
  });
});
