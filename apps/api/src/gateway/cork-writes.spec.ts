import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { corkUntilNextTick } from './cork-writes.js';

test('writes of one turn leave together, and nothing stays back', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [peer] = (await once(server, 'connection')) as [Socket];
  try {
    corkUntilNextTick({ transport: { socket: { _socket: client } } });
    corkUntilNextTick({ transport: { socket: { _socket: client } } });
    expect(client.writableCorked).toBe(1);
    client.write('one,');
    client.write('two');
    const [chunk] = (await once(peer, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('one,two');
    expect(client.writableCorked).toBe(0);
  } finally {
    client.destroy();
    server.close();
  }
});

test('a connection without a socket of its own is left alone', () => {
  corkUntilNextTick({ transport: {} });
  corkUntilNextTick({ transport: { socket: { _socket: null } } });
});
