// @ts-check
// Just enough of Redis's protocol to ask a server how it is, before any dependency is installed.
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SetupError } from './setup-error.mjs';

/** @typedef {string | number | null | RedisReply[]} RedisReply */

export class RedisReplyError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = 'RedisReplyError';
  }
}

/** @param {readonly string[]} words */
export const encodeCommand = (words) => `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;

/**
 * Reads one reply (RESP2).
 * @param {Buffer} bytes
 * @param {number} [at]
 * @returns {{ reply: RedisReply | RedisReplyError, next: number } | undefined} undefined: not all of it is there yet
 */
export function decodeReply(bytes, at = 0) {
  const end = bytes.indexOf('\r\n', at);
  if (end < 0) return undefined;
  const kind = String.fromCharCode(bytes[at] ?? 0);
  const head = bytes.toString('utf8', at + 1, end);
  const next = end + 2;
  switch (kind) {
    case '+':
      return { reply: head, next };
    case '-':
      return { reply: new RedisReplyError(head), next };
    case ':':
      return { reply: Number(head), next };
    case '$': {
      const length = Number(head);
      if (length < 0) return { reply: null, next };
      if (bytes.length < next + length + 2) return undefined;
      return { reply: bytes.toString('utf8', next, next + length), next: next + length + 2 };
    }
    case '*': {
      if (Number(head) < 0) return { reply: null, next };
      /** @type {RedisReply[]} */
      const items = [];
      let from = next;
      for (let left = Number(head); left > 0; left -= 1) {
        const item = decodeReply(bytes, from);
        if (!item) return undefined;
        items.push(item.reply instanceof RedisReplyError ? item.reply.message : item.reply);
        from = item.next;
      }
      return { reply: items, next: from };
    }
    default:
      return { reply: new RedisReplyError('the server does not speak the Redis protocol'), next: bytes.length };
  }
}

/**
 * @typedef {{ host: string, port: number, tls: boolean, username: string, password: string }} RedisAddress
 * @param {string} url
 * @returns {RedisAddress}
 */
export function parseRedisUrl(url) {
  /** @type {URL | undefined} */
  let parsed;
  try {
    parsed = new URL(url);
  } catch {
    // Told below, together with URLs of another kind.
  }
  if (!parsed || !['redis:', 'rediss:'].includes(parsed.protocol)) {
    throw new SetupError('REDIS_URL is not a Redis address.', 'Write it as redis://[user:password@]host[:port][/db] (rediss:// for TLS) or redis+sentinel://host:port,host:port/<name of the primary>, or leave it out and a private server is started.');
  }
  return {
    host: (parsed.hostname || '127.0.0.1').replace(/^\[|\]$/g, ''),
    port: Number(parsed.port || 6379),
    tls: parsed.protocol === 'rediss:',
    username: decodeURIComponent(parsed.username),
    password: decodeURIComponent(parsed.password),
  };
}

/**
 * Sends commands over one connection and gives their replies; an error reply rejects.
 * @param {string} url
 * @param {readonly (readonly string[])[]} commands
 * @param {number} [timeoutMs]
 * @returns {Promise<RedisReply[]>}
 */
export function askRedis(url, commands, timeoutMs = 3000) {
  const address = parseRedisUrl(url);
  const login = address.password ? [['AUTH', ...(address.username ? [address.username] : []), address.password]] : [];
  const all = [...login, ...commands];
  return new Promise((resolve, reject) => {
    const socket = address.tls ? connectTls({ host: address.host, port: address.port, servername: address.host }) : connect({ host: address.host, port: address.port });
    /** @type {RedisReply[]} */
    const replies = [];
    let received = Buffer.alloc(0);
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
    socket.once(address.tls ? 'secureConnect' : 'connect', () => socket.write(all.map(encodeCommand).join('')));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (let decoded = decodeReply(received); decoded; decoded = decodeReply(received)) {
        received = received.subarray(decoded.next);
        if (decoded.reply instanceof RedisReplyError) return socket.destroy(decoded.reply);
        replies.push(decoded.reply);
        if (replies.length === all.length) return socket.end();
      }
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      if (replies.length === all.length) resolve(replies.slice(login.length));
      else reject(new Error('the connection was closed before the answer'));
    });
  });
}
