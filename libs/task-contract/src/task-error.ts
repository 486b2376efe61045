import { ERROR_CODES, type ErrorCode } from './error-code.js';

/** An error with a code of the closed set and a sentence that says what to do. */
export class TaskError extends Error {
  override readonly name = 'TaskError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** Machine-readable facts for the client, such as the known node types. */
    readonly details?: unknown,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}
