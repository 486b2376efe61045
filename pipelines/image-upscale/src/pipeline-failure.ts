/** The codes of the runner's closed set that this pipeline can report, and the one that answers a cancel. */
export type FailureCode =
  | 'CANCELLED'
  | 'VALIDATION_FAILED'
  | 'INPUT_NOT_FOUND'
  | 'MODEL_NOT_FOUND'
  | 'MODEL_CORRUPT'
  | 'WORKSPACE_UNAVAILABLE'
  | 'NO_SPACE'
  | 'OUT_OF_MEMORY'
  | 'PROTOCOL_VIOLATION'
  | 'INTERNAL';

/** A failure with a code for the runner and a sentence for the person who reads it: what is wrong and what to do. */
export class PipelineFailure extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'PipelineFailure';
  }

  /** Any thrown thing as a failure; what no module has recognised is told apart by the few signs the platform gives. */
  static from(error: unknown): PipelineFailure {
    if (error instanceof PipelineFailure) return error;
    const message = error instanceof Error ? error.message : String(error);
    if (isDiskFull(message)) {
      return new PipelineFailure('NO_SPACE', 'No space is left where the result is written: free some and run again.', { cause: error });
    }
    // What V8, emscripten's growing heap and libvips say when an allocation is refused.
    if (/allocation failed|cannot enlarge memory|out of memory|memory access out of bounds|bad_alloc/i.test(message)) {
      return new PipelineFailure('OUT_OF_MEMORY', `Memory ran out (${message}): give the pipeline more or take a smaller picture.`, { cause: error });
    }
    return new PipelineFailure('INTERNAL', message, { cause: error });
  }
}

/** libvips reports a full disk only as text: strerror(ENOSPC), EDQUOT or EFBIG. */
function isDiskFull(message: string): boolean {
  return /ENOSPC|EDQUOT|no space left|quota exceeded|file too large/i.test(message);
}
