// @ts-check
import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { findPrimary } from './redis-primary.mjs';

describe('findPrimary', () => {
  /** @type {import('node:net').Server | undefined} */
  let server;
  afterEach(() => {
    server?.close();
  });

  /** A Sentinel's end of the wire. @param {string} reply @returns {Promise<number>} its port */
  async function sentinel(reply) {
    server = createServer((socket) => socket.on('data', () => socket.write(reply))).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    return address && typeof address === 'object' ? address.port : 0;
  }

  test.each(['redis://127.0.0.1:6379', 'rediss://me:secret@[::1]:6380/2'])('leaves %s as it is', async (url) => {
    expect(await findPrimary(url)).toBe(url);
  });

  test.each([
    ['10.0.0.7', 'redis://me:secret@10.0.0.7:6390/3'],
    ['fe80::7', 'redis://me:secret@[fe80::7]:6390/3'],
  ])('asks the next Sentinel where one is away: %s', async (host, url) => {
    const port = await sentinel(`*2\r\n$${host.length}\r\n${host}\r\n$4\r\n6390\r\n`);
    expect(await findPrimary(`redis+sentinel://me:secret@127.0.0.1:1,127.0.0.1:${port}/main/3`)).toBe(url);
  });

  test('says what is wrong, without the password', async () => {
    const port = await sentinel('*-1\r\n');
    await expect(findPrimary(`redis+sentinel://me:secret@127.0.0.1:${port}/main`)).rejects.toMatchObject({ message: expect.stringMatching(/^No Sentinel (?!.*secret).*knows no primary called main/) });
    await expect(findPrimary('redis+sentinel://me:secret@127.0.0.1:1')).rejects.toMatchObject({ message: 'REDIS_URL names no primary Redis.' });
  });
});
