import { redisLocation } from './redis-location.js';

it.each(['redis://127.0.0.1:6379', 'rediss://user:secret@cache.example:6380/2'])('leaves %s to the client', (url) => {
  expect(redisLocation(url)).toEqual({ url });
});

it.each([
  ['redis+sentinel://a:26379,b:26380/main', { sentinels: [{ host: 'a', port: 26379 }, { host: 'b', port: 26380 }], name: 'main', db: 0 }],
  ['redis+sentinel://me:p%40ss@a/main/3', { sentinels: [{ host: 'a', port: 26379 }], name: 'main', db: 3, username: 'me', password: 'p@ss' }],
  ['redis+sentinel://:secret@a:1/main', { sentinels: [{ host: 'a', port: 1 }], name: 'main', db: 0, password: 'secret' }],
])('reads %s', (url, options) => {
  expect(redisLocation(url)).toEqual({ options });
});

it.each(['redis+sentinel://a:26379', 'redis+sentinel://me:secret@a:26379/', 'redis+sentinel:///main'])('refuses %s, and repeats no password', (url) => {
  expect(() => redisLocation(url)).toThrow(/^REDIS_URL must be redis\+sentinel:\/\/host:port,host:port\/<name of the primary>\[\/database\]$/);
});
