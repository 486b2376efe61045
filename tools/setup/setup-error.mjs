// @ts-check

/**
 * A failure that the person at the keyboard can mend: one sentence that says what is wrong, one that says what to do.
 * Everything else that is thrown is a fault of ours and is printed with its stack.
 */
export class SetupError extends Error {
  /**
   * @param {string} message what is wrong
   * @param {string} mend what to do about it
   * @param {{ detail?: string, cause?: unknown }} [more] `detail`: the last lines of a log, printed below the sentence
   */
  constructor(message, mend, more = {}) {
    super(message, { cause: more.cause });
    this.name = 'SetupError';
    this.mend = mend;
    this.detail = more.detail;
  }
}

/** Thrown where work goes on after a stop was asked for; it ends the program quietly. */
export class Interrupted extends Error {
  constructor() {
    super('stopped on request');
    this.name = 'Interrupted';
  }
}

// By shape, not by `instanceof`: under jest the errors of node's own modules come from another realm.

/** @param {unknown} error @returns {string} */
export const messageOf = (error) => (typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error));

/** @param {unknown} error @returns {string | undefined} */
export const codeOf = (error) => (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string' ? error.code : undefined);
