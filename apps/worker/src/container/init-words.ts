/** What Docker's init prints to stderr when it cannot start the command; it then exits as a shell would. */
const FAULT = /^\[FATAL tini \(\d+\)\] (exec .{1,300} failed: .{1,100})$/m;
const FAULT_CODES = [126, 127];

/** Characters that are kept: the sentence comes before anything else can. */
const LENGTH = 1000;

/** Hears the first words of a container's stderr: whether its init could start the command. */
export class InitWords {
  private words = '';

  hear(chunk: Buffer): void {
    // Several chunks: the init writes its sentence in pieces.
    if (this.words.length < LENGTH) this.words += chunk.toString('utf8', 0, LENGTH);
  }

  /** What the init says of a command that it could not start; undefined where one ran, which may exit with those codes too. */
  fault(exitCode: number): string | undefined {
    return FAULT_CODES.includes(exitCode) ? FAULT.exec(this.words)?.[1] : undefined;
  }
}
