import type { RedisOptions } from 'ioredis';

/** Where Sentinels are asked which Redis is the primary one. */
const SENTINEL = /^redis\+sentinel:\/\//;

const SENTINEL_PORT = 26_379;

/**
 * What `REDIS_URL` says: a server's own URL, which ioredis reads by itself, or
 * `redis+sentinel://[user:password@]host:port,host:port/<name of the primary>[/database]` as options.
 * @throws Error saying what is missing; it quotes nothing, since a URL may hold a password
 */
export function redisLocation(url: string): { url: string } | { options: RedisOptions } {
  if (!SENTINEL.test(url)) return { url };
  const [, credentials = '', hosts = '', name = '', database = '0'] = /^redis\+sentinel:\/\/(?:([^@/]*)@)?([^/@]+)\/([^/?]+)(?:\/(\d+))?$/.exec(url) ?? [];
  if (name === '') throw new Error('REDIS_URL must be redis+sentinel://host:port,host:port/<name of the primary>[/database]');
  const [username = '', password = ''] = credentials.split(':').map(decodeURIComponent);
  return {
    options: {
      sentinels: hosts.split(',').map((host) => ({ host: host.replace(/:\d+$/, ''), port: Number(/:(\d+)$/.exec(host)?.[1] ?? SENTINEL_PORT) })),
      name, db: Number(database),
      ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }),
    },
  };
}
