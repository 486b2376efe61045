import type { RedisOptions } from 'ioredis';

/** What `REDIS_URL` may be, as the end of the sentence "REDIS_URL must be …". */
const EXPECTED = 'a URL such as redis://127.0.0.1:6379, rediss://[::1]:6380/2, or redis+sentinel://host:port,host:port/<name of the primary>[/database]';

const SENTINEL_PORT = 26_379;

/** Where Redis is: a server's own URL, which ioredis reads by itself, or Sentinels that name it. */
export type RedisLocation = { url: string } | { options: RedisOptions };

/** Tries a text as `REDIS_URL`, for the settings of both apps. Pure. What is refused is not quoted, since it may hold a password. */
export function parseRedisUrl(text: string): { ok: true; value: string } | { ok: false; expected: string } {
  return read(text) === undefined ? { ok: false, expected: EXPECTED } : { ok: true, value: text };
}

/**
 * What `REDIS_URL` says: `redis[s]://[user:password@]host[:port][/database]`, or
 * `redis+sentinel://[user:password@]host:port,host:port/<name of the primary>[/database]`. IPv6 addresses stand in brackets. Pure.
 * @throws Error saying what would be right, and not what was there
 */
export function redisLocation(url: string): RedisLocation {
  const location = read(url);
  if (location === undefined) throw new Error(`REDIS_URL must be ${EXPECTED}`);
  return location;
}

function read(text: string): RedisLocation | undefined {
  if (text.startsWith('redis+sentinel://')) return readSentinels(text);
  return isServer(text) ? { url: text } : undefined;
}

function isServer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, username, password } = new URL(text);
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^(\/\d*)?$/.test(pathname) && [username, password].every(isEncoded);
}

function readSentinels(text: string): RedisLocation | undefined {
  const [, credentials = '', hosts = '', name = '', database = '0'] = /^redis\+sentinel:\/\/(?:([^@/]*)@)?([^/@]+)\/([^/?#]+)(?:\/(\d+))?$/.exec(text) ?? [];
  const sentinels = hosts.split(',').flatMap((text) => readHost(text) ?? []);
  const colon = credentials.includes(':') ? credentials.indexOf(':') : credentials.length;
  const [username, password] = [credentials.slice(0, colon), credentials.slice(colon + 1)];
  if (name === '' || sentinels.length < hosts.split(',').length || ![username, password, name].every(isEncoded)) return undefined;
  return {
    options: {
      sentinels, name: decodeURIComponent(name), db: Number(database),
      ...(username === '' ? {} : { username: decodeURIComponent(username) }), ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    },
  };
}

function readHost(text: string): { host: string; port: number } | undefined {
  const [, six, plain, port] = /^(?:\[([\da-f:.]+)\]|([^[\]:\s]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = six ?? plain;
  return host === undefined ? undefined : { host, port: Number(port ?? SENTINEL_PORT) };
}

function isEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    // A percent sign that stands for itself.
    return false;
  }
}
