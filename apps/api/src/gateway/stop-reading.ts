import type { Socket } from 'socket.io';

/** The WebSocket below engine.io; not part of its types. Polling has none. */
interface Pausable {
  socket?: { pause?: () => void; resume?: () => void };
}

/**
 * Reads no further request of a client: what it sends from now on stays unread, and so unanswered and not begun, instead of
 * being refused. Returns what must be called once its connection is being closed, or the farewell would not be seen.
 */
export function stopReading({ conn }: Socket): () => void {
  const { socket } = conn.transport as Pausable;
  socket?.pause?.();
  return () => socket?.resume?.();
}
