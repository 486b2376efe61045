import { parseRedisUrl, redisLocation } from './redis-location.js';

it.each(['redis://127.0.0.1:6379', 'rediss://user:secret@cache.example:6380/2', 'redis://[::1]:6379', 'redis://:p%40ss@[fe80::1]', 'redis://localhost?family=6'])('leaves %s to the client', (url) => {
  expect(redisLocation(url)).toEqual({ url });
  expect(parseRedisUrl(url)).toEqual({ ok: true, value: url });
});

it.each([
  ['redis+sentinel://a:26379,b:26380/main', { sentinels: [{ host: 'a', port: 26379 }, { host: 'b', port: 26380 }], name: 'main', db: 0 }],
  ['redis+sentinel://me:p%40ss@a/main/3', { sentinels: [{ host: 'a', port: 26379 }], name: 'main', db: 3, username: 'me', password: 'p@ss' }],
  ['redis+sentinel://:se:cret@a:1/main', { sentinels: [{ host: 'a', port: 1 }], name: 'main', db: 0, password: 'se:cret' }],
  ['redis+sentinel://[::1]:26380,[fe80::2],c/main', { sentinels: [{ host: '::1', port: 26380 }, { host: 'fe80::2', port: 26379 }, { host: 'c', port: 26379 }], name: 'main', db: 0 }],
])('reads %s', (url, options) => {
  expect(redisLocation(url)).toEqual({ options });
});

it.each([
  'redis+sentinel://a:26379', 'redis+sentinel://me:secret@a:26379/', 'redis+sentinel:///main', 'redis+sentinel://a,/main', 'redis+sentinel://::1:26379/main', 'redis+sentinel://me:secret%@a/main',
  'http://me:secret@host', 'redis://', 'redis://me:secret@host/name', 'redis://me:secret%zz@host', 'localhost:6379', '',
])('refuses %p, and repeats no password', (url) => {
  const read = parseRedisUrl(url);
  expect(read).toEqual({ ok: false, expected: expect.stringMatching(/^a URL such as redis:\/\/127\.0\.0\.1:6379, .*<name of the primary>\[\/database\]$/) as unknown });
  expect(JSON.stringify(read)).not.toContain('secret');
  expect(() => redisLocation(url)).toThrow(/^REDIS_URL must be a URL such as /);
});
