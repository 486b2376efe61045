/**
 * Bounds what a client that reads slowly may cost.
 *
 * Socket.IO buffers without limit for a socket that does not read: 429 MB were measured. So every socket's unsent
 * bytes are looked at four times a second. Beyond a first limit it gets no previews; beyond the second it is cut off,
 * and takes up its tasks again by seq once it is back.
 */
import { Logger } from '@nestjs/common';
import type { Server, Socket } from 'socket.io';
import { rooms } from './rooms.js';
import { SLOW_BYTES, unsentBytes } from './unsent-bytes.js';

const LOOK_EVERY_MS = 250;

/** Unsent bytes beyond which a socket is cut off. */
const MOST_BYTES = 4 * 1024 * 1024;

/** A WebSocket can be ended without a word; not part of engine.io's types. */
interface Terminable {
  socket?: { terminate?: () => void };
}

export class SlowClients {
  private readonly logger = new Logger('SlowClients');
  private timer: NodeJS.Timeout | undefined;

  open(server: Server): void {
    this.timer = setInterval(() => {
      for (const socket of server.of('/').sockets.values()) this.look(socket);
    }, LOOK_EVERY_MS).unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  private look(socket: Socket): void {
    const bytes = unsentBytes(socket);
    if (bytes > MOST_BYTES) {
      this.logger.warn(`the socket ${socket.id} does not read: ${bytes} bytes wait; it is cut off`);
      socket.disconnect(true);
      // A farewell would wait behind everything else.
      (socket.conn.transport as Terminable).socket?.terminate?.();
      return;
    }
    const slow = bytes > SLOW_BYTES;
    if (slow !== socket.rooms.has(rooms.slow)) void (slow ? socket.join(rooms.slow) : socket.leave(rooms.slow));
  }
}
