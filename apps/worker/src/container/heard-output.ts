/**
 * What has been heard of a container's output, so that after a cut it can be heard out from its log: no byte twice, none lost.
 *
 * Owns a count and a digest of each stream; the bytes themselves are the listener's. Must stay true: one source speaks at a
 * time, and a log is believed only where it begins with exactly what has been heard before.
 */
import { createHash, type Hash } from 'node:crypto';
import type { ContainerListener } from './container-engine.port.js';

type Listener = Pick<ContainerListener, 'stdout' | 'stderr'>;

/** A log that is read from its beginning: what was heard is passed over, the rest goes on to the listener, unless it is torn. */
interface Rereading extends Listener {
  /** Whether the log is known by now not to hold what was heard. */
  readonly isTorn: boolean;
  /** Whether all that was heard has come again: a log that ends before that does not hold it. */
  readonly isComplete: boolean;
}

/** For telling whether bytes are the same; it guards nothing. */
const DIGEST = 'sha1';

/** One of the two streams, as far as it has been heard. */
class Part {
  bytes = 0;
  private readonly hash: Hash = createHash(DIGEST);

  constructor(private readonly onward: (chunk: Buffer) => void) {}

  hear(chunk: Buffer): void {
    this.bytes += chunk.length;
    this.hash.update(chunk);
    this.onward(chunk);
  }

  /** Takes the stream from its beginning once more. */
  reread(): { push: (chunk: Buffer) => void; matches: () => boolean; isTorn: () => boolean } {
    const expected = this.hash.copy().digest('hex');
    const again = createHash(DIGEST);
    let left = this.bytes;
    let same = left === 0;
    return {
      push: (chunk) => {
        const known = chunk.subarray(0, left);
        if (known.length > 0) {
          again.update(known);
          left -= known.length;
          if (left === 0) same = again.digest('hex') === expected;
        }
        const rest = chunk.subarray(known.length);
        if (rest.length > 0 && same) this.hear(rest);
      },
      matches: () => same,
      isTorn: () => left === 0 && !same,
    };
  }
}

export class HeardOutput implements Listener {
  private readonly out: Part;
  private readonly err: Part;

  constructor(listener: Listener) {
    this.out = new Part((chunk) => listener.stdout(chunk));
    this.err = new Part((chunk) => listener.stderr(chunk));
  }

  /** Bytes heard so far, of both streams. */
  get bytes(): number {
    return this.out.bytes + this.err.bytes;
  }

  stdout(chunk: Buffer): void {
    this.out.hear(chunk);
  }

  stderr(chunk: Buffer): void {
    this.err.hear(chunk);
  }

  /** For a log that is read from its beginning, once nobody speaks any more. */
  reread(): Rereading {
    const [out, err] = [this.out.reread(), this.err.reread()];
    return {
      stdout: (chunk) => out.push(chunk),
      stderr: (chunk) => err.push(chunk),
      get isTorn() {
        return out.isTorn() || err.isTorn();
      },
      get isComplete() {
        return out.matches() && err.matches();
      },
    };
  }
}
