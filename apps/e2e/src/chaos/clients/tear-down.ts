import type { Socket } from 'socket.io-client';

/** The part of engine.io-client that no type names: the WebSocket itself. */
interface RawTransport {
  ws: { terminate(): void };
}

/** Ends a client's connection without a farewell, as a lost network does. */
export function tearDown(socket: Socket): void {
  (socket.io.engine.transport as unknown as RawTransport).ws.terminate();
}
