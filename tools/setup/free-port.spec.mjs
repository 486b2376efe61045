// @ts-check
import { describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { choosePort, freePort, tryPort } from './free-port.mjs';

const taken = async () => false;
const free = async () => true;
const anyFree = async () => 4567;

describe('choosePort', () => {
  test('the default where it is free', async () => {
    expect(await choosePort({ name: 'PORT', wanted: undefined, fallback: 3000, isFree: free, anyFree })).toEqual({ port: 3000 });
  });
  test('another one where the default is taken, and it says so', async () => {
    expect(await choosePort({ name: 'PORT', wanted: '', fallback: 3000, isFree: taken, anyFree })).toEqual({ port: 4567, note: 'port 3000 is taken, using 4567' });
  });
  test('one that was asked for is never replaced', async () => {
    await expect(choosePort({ name: 'PORT', wanted: '8080', fallback: 3000, isFree: taken, anyFree })).rejects.toThrow('PORT=8080 is already in use');
  });
  test.each(['http', '0', '70000', '1.5'])('%j is no port', async (wanted) => {
    await expect(choosePort({ name: 'PORT', wanted, fallback: 3000, isFree: free, anyFree })).rejects.toThrow('is not a port');
  });
});

test('a port in use is seen', async () => {
  const port = await freePort();
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  expect(await tryPort(port)).toBeUndefined();
  server.close();
  await once(server, 'close');
  expect(await tryPort(port)).toBe(port);
});
