import { expect, test } from '@jest/globals';
import { judgeRedis, type RedisSettings } from './redis-verdict.js';

test.each<[RedisSettings, boolean, boolean, object]>([
  [{ policy: 'noeviction', persistence: 'aof' }, false, true, { persistence: 'aof' }],
  [{ policy: 'noeviction', persistence: 'rdb' }, false, true, { persistence: 'rdb' }],
  [{ policy: 'noeviction', persistence: 'none' }, false, false, { persistence: 'none', message: expect.stringMatching(/persistence is off.*appendonly yes.*REDIS_ALLOW_NO_PERSISTENCE=true/) }],
  [{ policy: 'noeviction', persistence: 'none' }, true, true, { persistence: 'none' }],
  [{ policy: 'volatile-lru', persistence: 'aof' }, false, false, { policy: 'volatile-lru', message: expect.stringContaining('maxmemory-policy noeviction') }],
  [{ policy: 'allkeys-lru', persistence: 'none' }, true, false, { policy: 'allkeys-lru' }],
  ['unknown', false, true, { policy: 'unknown', persistence: 'unknown' }],
])('%j, persistence may lack: %s → up: %s', (settings, allowed, up, facts) => {
  expect(judgeRedis(settings, allowed)).toMatchObject({ up, facts });
});
