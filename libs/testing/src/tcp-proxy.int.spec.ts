import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TcpProxy } from './tcp-proxy.js';
import { tempFolder } from './temp-folder.js';
import { waitFor } from './wait-for.js';

describe('TcpProxy', () => {
  let server: Server;
  let proxy: TcpProxy;
  let heard: string;
  const clients: Socket[] = [];

  /** A client and what it was told; `over` once its connection is closed. */
  const open = async (at: { port: number } | { path: string } = { port: proxy.port }): Promise<{ socket: Socket; told: () => string; over: () => boolean }> => {
    const socket = connect(at);
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString())).on('error', () => undefined);
    clients.push(socket);
    await once(socket, 'connect');
    return { socket, told: () => text, over: () => socket.closed };
  };

  beforeEach(async () => {
    heard = '';
    // Says back what it hears, and ends when it is told to.
    server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('data', (chunk) => { heard += chunk.toString(); socket.write(chunk); }).on('end', () => socket.end('bye')).on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await TcpProxy.start({ port: (server.address() as { port: number }).port });
  });
  afterEach(async () => {
    for (const socket of clients.splice(0)) socket.destroy();
    await proxy.stop();
    server.close();
    await once(server, 'close');
  });

  it('carries both ways, a half-close too', async () => {
    const { socket, told, over } = await open();
    socket.end('hello ');
    await waitFor('the end', over);
    expect(told()).toBe('hello bye');
    await waitFor('nothing to be left', () => proxy.connections === 0);
  });

  it('carries chunks late and in order', async () => {
    const { socket, told } = await open();
    proxy.delay(100);
    const asked = performance.now();
    socket.write('one ');
    await waitFor('the server', () => heard === 'one ');
    proxy.delay(0);
    socket.write('two');
    await waitFor('both', () => told() === 'one two');
    expect(performance.now() - asked).toBeGreaterThanOrEqual(99);
  });

  it('cuts every connection', async () => {
    const [one, two] = [await open(), await open()];
    await waitFor('both', () => proxy.connections === 2);
    proxy.cut();
    await waitFor('the ends', () => one.over() && two.over());
    expect(proxy.cuts).toBe(2);
  });

  it('cuts in the midst of an answer', async () => {
    const { socket, told, over } = await open();
    proxy.cutAfter(3);
    socket.write('hello');
    await waitFor('the end', over);
    expect('hel'.startsWith(told())).toBe(true);
    expect({ heard, cuts: proxy.cuts }).toEqual({ heard: 'hello', cuts: 1 });
    proxy.cutAfter(undefined);
    const next = await open();
    next.socket.write('again');
    await waitFor('an answer', () => next.told() === 'again');
  });

  it('is a black hole for old and new connections, and resets what has a hole in it afterwards', async () => {
    const [old, idle] = [await open(), await open()];
    await waitFor('both', () => proxy.connections === 2);
    proxy.blackhole(true);
    const young = await open();
    old.socket.write('x');
    young.socket.write('yz');
    await waitFor('three bytes to vanish', () => proxy.swallowed === 3);
    expect([heard, old.over(), young.over()]).toEqual(['', false, false]);
    proxy.blackhole(false);
    await waitFor('the ends', () => old.over() && young.over());
    idle.socket.write('unharmed');
    await waitFor('an answer', () => idle.told() === 'unharmed');
  });

  it('leaves connections half open while new ones work', async () => {
    const old = await open();
    await waitFor('it to be joined', () => proxy.connections === 1);
    proxy.halfOpen();
    old.socket.write('lost');
    const young = await open();
    young.socket.write('found');
    await waitFor('an answer', () => young.told() === 'found');
    await waitFor('the loss', () => proxy.swallowed === 4);
    expect([heard, old.over()]).toEqual(['found', false]);
  });

  it('turns new connections away', async () => {
    proxy.refuse(true);
    const socket = connect({ port: proxy.port }).on('error', () => undefined);
    await waitFor('the end', () => socket.closed);
    expect(proxy.refusals).toBe(1);
    proxy.refuse(false);
    const taken = await open();
    taken.socket.write('hello');
    await waitFor('an answer', () => taken.told() === 'hello');
  });

  it('drops the answer to one request', async () => {
    const { socket, told, over } = await open();
    proxy.dropReply((request) => request.includes('create'));
    socket.write('list;');
    await waitFor('the first answer', () => told() === 'list;');
    socket.write('create;');
    await waitFor('the end', over);
    expect({ heard, told: told(), dropped: proxy.droppedReplies }).toEqual({ heard: 'list;create;', told: 'list;', dropped: 1 });
    const next = await open();
    next.socket.write('create;');
    await waitFor('an answer', () => next.told() === 'create;');
  });

  it('stands on a Unix socket, in front of a Unix socket', async () => {
    const folder = await tempFolder();
    const [real, front] = [join(folder.path, 'real'), join(folder.path, 'front')];
    const inner = await TcpProxy.start({ port: (server.address() as { port: number }).port }, { path: real });
    const outer = await TcpProxy.start({ path: real }, { path: front });
    try {
      const { socket, told, over } = await open({ path: front });
      socket.write('hello');
      await waitFor('an answer', () => told() === 'hello');
      outer.cut();
      await waitFor('the end', over);
      expect(outer.cuts).toBe(1);
    } finally {
      await outer.stop();
      await inner.stop();
      await folder.remove();
    }
  });
});
