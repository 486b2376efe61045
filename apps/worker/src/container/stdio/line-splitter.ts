import { StringDecoder } from 'node:string_decoder';

/** Longest line taken whole, bytes (protocol §5); what is beyond is cut and marked. */
export const MAX_LINE_BYTES = 1024 * 1024;

/** A line without its end; `cut` when it was longer than the limit. */
export type LineListener = (line: string, cut: boolean) => void;

/**
 * Splits a stream of bytes into lines. A character cut between two chunks is put together again, bytes that are no
 * UTF-8 become U+FFFD, and a line without an end never holds more than {@link MAX_LINE_BYTES} in memory.
 */
export class LineSplitter {
  private readonly decoder = new StringDecoder('utf8');
  private pending = '';
  private dropping = false;

  constructor(
    private readonly onLine: LineListener,
    private readonly maxLength = MAX_LINE_BYTES,
  ) {}

  push(chunk: Buffer): void {
    this.take(this.decoder.write(chunk));
  }

  /** The stream has ended: what is left is a line too. */
  end(): void {
    this.take(this.decoder.end());
    if (this.pending !== '' && !this.dropping) this.onLine(this.pending, false);
    this.pending = '';
    this.dropping = false;
  }

  private take(text: string): void {
    let start = 0;
    for (let newline = text.indexOf('\n'); newline !== -1; newline = text.indexOf('\n', start)) {
      this.extend(text.slice(start, newline));
      if (!this.dropping) this.onLine(this.pending.endsWith('\r') ? this.pending.slice(0, -1) : this.pending, false);
      this.pending = '';
      this.dropping = false;
      start = newline + 1;
    }
    this.extend(text.slice(start));
  }

  private extend(part: string): void {
    if (this.dropping) return;
    if (this.pending.length + part.length <= this.maxLength) {
      this.pending += part;
      return;
    }
    this.onLine(this.pending + part.slice(0, this.maxLength - this.pending.length), true);
    this.pending = '';
    this.dropping = true;
  }
}
