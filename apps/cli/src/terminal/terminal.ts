/** Where a command writes, line by line. */
export interface Terminal {
  /** What was asked for. */
  out(line: string): void;
  /** What went wrong. */
  err(line: string): void;
}
