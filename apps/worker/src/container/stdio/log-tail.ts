/** Lines kept of a run's log. */
const MAX_LINES = 100;

/** Characters of a kept line. */
const MAX_LINE_LENGTH = 500;

/** The last lines that a pipeline printed, bounded whatever it prints. */
export class LogTail {
  private readonly lines: string[] = [];
  /** Lines printed in all. */
  total = 0;

  add(line: string): void {
    this.total += 1;
    const text = line.length > MAX_LINE_LENGTH ? `${line.slice(0, MAX_LINE_LENGTH)}… (cut)` : line;
    this.lines.push(text);
    if (this.lines.length > MAX_LINES) this.lines.shift();
  }

  /** The kept lines, oldest first, after a line that says how many are missing. */
  read(): string[] {
    const missing = this.total - this.lines.length;
    return missing > 0 ? [`… ${missing} earlier lines`, ...this.lines] : [...this.lines];
  }
}
