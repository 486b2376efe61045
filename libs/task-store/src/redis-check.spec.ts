import { expect, test } from '@jest/globals';
import { judgeRedis } from './redis-check.js';

test.each<[Record<string, string> | 'unknown', boolean, boolean, object]>([
  [{ 'maxmemory-policy': 'noeviction', appendonly: 'yes', save: '' }, false, true, { persistence: 'aof' }],
  [{ 'maxmemory-policy': 'noeviction', appendonly: 'no', save: '3600 1' }, false, true, { persistence: 'rdb' }],
  [{ 'maxmemory-policy': 'noeviction', appendonly: 'no', save: '' }, false, false, { persistence: 'none' }],
  [{ 'maxmemory-policy': 'noeviction', appendonly: 'no', save: '' }, true, true, { persistence: 'none' }],
  [{ 'maxmemory-policy': 'volatile-lru', appendonly: 'yes', save: '' }, true, false, { policy: 'volatile-lru' }],
  ['unknown', false, true, { policy: 'unknown' }],
])('%j, persistence may lack: %s → up: %s', (config, allowed, up, facts) => {
  expect(judgeRedis(config, allowed)).toMatchObject({ up, facts });
});
