/**
 * What kind of failure it was: nobody answers at its address (or this process can open no connection), it was asked and
 * does not answer, its own disk is full, or it answered that it failed.
 */
export type EngineFaultKind = 'unreachable' | 'unresponsive' | 'no-space' | 'failed';

/**
 * The container engine failed, as opposed to what ran in it: the task is to be put back and tried again, never failed for
 * this. Everything that is a task's own fault, or its operator's to mend, is a TaskError instead.
 */
export class EngineFault extends Error {
  override readonly name = 'EngineFault';
  /**
   * Whether a container of the attempt may run still, or come to be: it was asked for and its answer was lost, or its end could
   * not be confirmed. What it holds must not be given away, nor its task begun elsewhere, before it is looked for by its labels.
   */
  readonly mayStillRun: boolean;

  constructor(
    readonly kind: EngineFaultKind,
    message: string,
    { mayStillRun = false, cause }: { mayStillRun?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.mayStillRun = mayStillRun;
  }

  /** The same fault, once it is known whether something may run. */
  with({ mayStillRun }: { mayStillRun: boolean }): EngineFault {
    return new EngineFault(this.kind, this.message, { mayStillRun, cause: this.cause });
  }
}
