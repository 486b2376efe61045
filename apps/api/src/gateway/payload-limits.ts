import { TaskError } from '@function-runner/task-contract';

/** Deeper nesting than any node's parameters have; it keeps every later walk of the value from overflowing the stack. */
const MAX_DEPTH = 32;

/** Refuses a payload that is too large, nested too deep or not to be passed on, before anything walks it. @throws TaskError PAYLOAD_TOO_LARGE | VALIDATION_FAILED */
export function checkPayloadLimits(payload: unknown, maxBytes: number): void {
  let level = [payload];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= MAX_DEPTH && level.some(isContainer)) throw new TaskError('VALIDATION_FAILED', `the request is nested more than ${MAX_DEPTH} levels deep`);
    // JSON can name it (1e999), but not be written with it: its pipeline would be told null.
    if (level.some((value) => typeof value === 'number' && !Number.isFinite(value))) throw new TaskError('VALIDATION_FAILED', 'the request holds a number beyond the largest that there is, 1.8e308');
    // Level by level, so that the depth of the value is no depth of the stack.
    level = level.filter(isContainer).flatMap((container) => Object.values(container) as unknown[]);
  }
  const bytes = payload === undefined ? 0 : Buffer.byteLength(JSON.stringify(payload) ?? '');
  if (bytes > maxBytes) {
    throw new TaskError('PAYLOAD_TOO_LARGE', `the request has ${bytes} bytes, more than the limit of ${maxBytes}; put large data into a file of the project and name its path`, { bytes, maxBytes });
  }
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}
