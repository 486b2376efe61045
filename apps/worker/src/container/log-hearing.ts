import type { Readable } from 'node:stream';
import { DockerFrames } from './docker-frames.js';
import { EngineFault } from './engine-fault.js';
import type { HeardOutput } from './heard-output.js';

/** How it ended: all of the log was heard, or the connection was cut, or the log does not hold what was heard before. */
type HearingOutcome = 'whole' | 'cut' | EngineFault;

/**
 * Hears a container's log, from its beginning to the container's end, and passes on what was not heard before. Owns the
 * connection for that; {@link LogHearing.done} never rejects, and settles soon after {@link LogHearing.stop}.
 */
export class LogHearing {
  readonly done: Promise<HearingOutcome>;
  private stream: Readable | undefined;
  private stopped = false;

  constructor(open: () => Promise<Readable>, heard: HeardOutput) {
    this.done = this.hear(open, heard);
  }

  stop(): void {
    this.stopped = true;
    this.stream?.destroy();
  }

  private async hear(open: () => Promise<Readable>, heard: HeardOutput): Promise<HearingOutcome> {
    const stream = await open().catch((error: unknown) => {
      if (error instanceof EngineFault) return undefined;
      throw error;
    });
    if (stream === undefined) return 'cut';
    this.stream = stream;
    if (this.stopped) stream.destroy();
    const rereading = heard.reread();
    const frames = new DockerFrames(rereading);
    stream.on('data', (chunk: Buffer) => {
      frames.push(chunk);
      if (rereading.isTorn) stream.destroy();
    });
    const isWhole = await new Promise<boolean>((resolve) => {
      stream.once('end', () => resolve(true));
      stream.on('error', () => resolve(false));
      stream.once('close', () => resolve(false));
    });
    if (rereading.isTorn || (isWhole && !rereading.isComplete)) {
      return new EngineFault('failed', 'the container’s log does not hold what it had printed before the engine went away, so what was missed is not known');
    }
    return isWhole ? 'whole' : 'cut';
  }
}
