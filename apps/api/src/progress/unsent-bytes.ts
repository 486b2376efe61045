import type { Socket } from 'socket.io';

/** Unsent bytes beyond which a client counts as slow: it gets no previews, and a long past waits for it. */
export const SLOW_BYTES = 256 * 1024;

/** What engine.io keeps for a connection; not part of its types. */
interface Unsent {
  /** Packets that the transport has not taken yet. */
  writeBuffer: readonly { data?: unknown }[];
  /** A WebSocket buffers the last packet by itself; polling has no socket here. */
  transport: { socket?: { bufferedAmount?: number } };
}

/** What a socket has still to send. Characters count as bytes: nearly all of it is ASCII, and the limits are no exact science. */
export function unsentBytes({ conn }: Socket): number {
  const { writeBuffer, transport } = conn as unknown as Unsent;
  return writeBuffer.reduce((sum, { data }) => sum + lengthOf(data), transport.socket?.bufferedAmount ?? 0);
}

function lengthOf(data: unknown): number {
  if (typeof data === 'string') return data.length;
  return ArrayBuffer.isView(data) ? data.byteLength : 0;
}
