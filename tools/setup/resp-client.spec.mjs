// @ts-check
import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { askRedis, decodeReply, encodeCommand, parseRedisUrl } from './resp-client.mjs';

test('commands count bytes, not letters', () => {
  expect(encodeCommand(['SET', 'é'])).toBe('*2\r\n$3\r\nSET\r\n$2\r\né\r\n');
});

describe('decodeReply', () => {
  test.each([
    ['+PONG\r\n', 'PONG'],
    [':42\r\n', 42],
    ['$5\r\nhel\r\n\r\n', 'hel\r\n'],
    ['$-1\r\n', null],
    ['*-1\r\n', null],
    ['*2\r\n$1\r\na\r\n:1\r\n', ['a', 1]],
  ])('%j', (text, reply) => {
    expect(decodeReply(Buffer.from(text))).toEqual({ reply, next: text.length });
  });
  test.each(['', '+PO', '$5\r\nhel', '*2\r\n+a\r\n'])('%j is not whole yet', (text) => {
    expect(decodeReply(Buffer.from(text))).toBeUndefined();
  });
});

describe('parseRedisUrl', () => {
  test('with everything', () => {
    expect(parseRedisUrl('rediss://me:p%40ss@redis.example:7000/2')).toEqual({ host: 'redis.example', port: 7000, tls: true, username: 'me', password: 'p@ss' });
  });
  test('with the least', () => {
    expect(parseRedisUrl('redis://[::1]')).toEqual({ host: '::1', port: 6379, tls: false, username: '', password: '' });
  });
  test.each(['localhost:6379', 'http://localhost', ''])('%j is refused with the mend', (url) => {
    expect(() => parseRedisUrl(url)).toThrow('REDIS_URL is not a Redis address.');
  });
});

test('a server that takes the connection and never answers is given up', async () => {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address && typeof address === 'object' ? address.port : 0;
  await expect(askRedis(`redis://127.0.0.1:${port}`, [['PING']], 100)).rejects.toThrow('no answer within 0.1 s');
  server.close();
});
