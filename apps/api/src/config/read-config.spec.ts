import { describe, expect, test } from '@jest/globals';
import { readConfig } from './read-config.js';

describe('readConfig', () => {
  test('defaults', () => {
    expect(readConfig({})).toMatchObject({
      port: 3000, host: '127.0.0.1', authMode: 'none', redisUrl: 'redis://127.0.0.1:6379', queuePrefix: 'bull', modelsRoot: expect.stringMatching(/\/workspace\/Library\/AI_Models$/),
      eventRetentionMs: 86_400_000, drainTimeoutMs: 30_000, queueLimit: 10_000, capableWorkerWaitMs: 600_000, maxPayload: 1_048_576, allowedOrigins: undefined, tiers: { low: { max_concurrent: 1 } },
    });
  });

  test('the environment', () => {
    expect(readConfig({ WORKSPACE_ROOT: '/w', TIER_LOW_MAX_CONCURRENT: '7', ALLOWED_ORIGINS: 'https://a.example, http://b.example:81', HOST: '::1' })).toMatchObject({
      modelsRoot: '/w/Library/AI_Models', tiers: { low: { max_concurrent: 7 } }, allowedOrigins: ['https://a.example', 'http://b.example:81'], host: '::1',
    });
  });

  test.each<[Record<string, string>, RegExp]>([
    [{ HOST: '0.0.0.0' }, /HOST must be a loopback address while AUTH_MODE is none.*0\.0\.0\.0/],
    [{ HOST: '192.168.1.4' }, /HOST must be a loopback/],
    [{ AUTH_MODE: 'open' }, /AUTH_MODE must be one of none, not "open"/],
    [{ PORT: '70000', MAX_PAYLOAD: '1MB' }, /PORT must be a whole number[^\n]*\nMAX_PAYLOAD must be a size/],
    [{ ALLOWED_ORIGINS: 'editor.example' }, /ALLOWED_ORIGINS must be origins/],
    [{ ALLOWED_ORIGINS: 'https://editor.example/path' }, /ALLOWED_ORIGINS must be origins/],
    [{ REDIS_URL: 'http://user:secret@host' }, /^REDIS_URL must be a URL such as redis:\/\/127\.0\.0\.1:6379, .*redis\+sentinel:\/\/host:port,host:port\/<name of the primary>\[\/database\]$/],
    [{ REDIS_URL: 'redis+sentinel://user:secret@host' }, /^REDIS_URL must be a URL such as [^]*<name of the primary>\[\/database\]$/],
    [{ PIPELINES_CONFIG: '/nowhere.json' }, /^\/nowhere\.json: cannot be read/],
  ])('refuses %j', (environment, sentence) => {
    expect(() => readConfig(environment)).toThrow(sentence);
  });
});
