import type { Socket } from 'socket.io-client';

/** The part of engine.io-client that no type names: the WebSocket itself. */
interface RawTransport {
  ws: { send(frame: string | Buffer): void };
}

/** Sends bytes over a client's own WebSocket, past everything that would put them into order. */
export function sendFrame(socket: Socket, frame: string | Buffer): void {
  (socket.io.engine.transport as unknown as RawTransport).ws.send(frame);
}
