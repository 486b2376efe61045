import { TaskError } from '@function-runner/task-contract';

/** Deeper nesting than any node's parameters have; it keeps every later walk of the value from overflowing the stack. */
const MAX_DEPTH = 32;

/** Refuses a payload that is too large or nested too deep, before anything walks it. @throws TaskError PAYLOAD_TOO_LARGE | VALIDATION_FAILED */
export function checkPayloadLimits(payload: unknown, maxBytes: number): void {
  if (isDeeperThan(payload, MAX_DEPTH)) throw new TaskError('VALIDATION_FAILED', `the request is nested more than ${MAX_DEPTH} levels deep`);
  const bytes = payload === undefined ? 0 : Buffer.byteLength(JSON.stringify(payload) ?? '');
  if (bytes > maxBytes) {
    throw new TaskError('PAYLOAD_TOO_LARGE', `the request has ${bytes} bytes, more than the limit of ${maxBytes}; put large data into a file of the project and name its path`, { bytes, maxBytes });
  }
}

/** Level by level, so that the depth of the value is no depth of the stack. */
function isDeeperThan(value: unknown, limit: number): boolean {
  let level: object[] = isContainer(value) ? [value] : [];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= limit) return true;
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}
