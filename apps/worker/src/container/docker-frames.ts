import type { ContainerListener } from './container-engine.port.js';

/** A frame's header: stream, three zero bytes, length of what follows, big endian (Docker's attach protocol). */
const HEADER_BYTES = 8;
const STDOUT = 1;

/**
 * Takes Docker's multiplexed stream apart, and holds nothing but a header cut between two chunks.
 *
 * In place of dockerode's demuxStream, which calls itself once a frame: a chunk of tiny frames, which any pipeline can
 * provoke, overflows the stack and ends the worker. It also copies the rest of the chunk for each frame.
 */
export class DockerFrames {
  private readonly header = Buffer.alloc(HEADER_BYTES);
  private headerBytes = 0;
  private remaining = 0;

  constructor(private readonly listener: Pick<ContainerListener, 'stdout' | 'stderr'>) {}

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.remaining === 0) {
        const taken = chunk.copy(this.header, this.headerBytes, at);
        this.headerBytes += taken;
        at += taken;
        if (this.headerBytes < HEADER_BYTES) return;
        this.headerBytes = 0;
        this.remaining = this.header.readUInt32BE(4);
        continue;
      }
      const part = chunk.subarray(at, at + this.remaining);
      at += part.length;
      this.remaining -= part.length;
      if (this.header[0] === STDOUT) this.listener.stdout(part);
      else this.listener.stderr(part);
    }
  }
}
