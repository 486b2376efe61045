import { describe, expect, test } from '@jest/globals';
import { ERROR_CODES, isErrorCode, type ErrorCodeMeaning } from './error-code.js';

const DOOR = 'VALIDATION_FAILED UNAUTHENTICATED FORBIDDEN RATE_LIMITED PAYLOAD_TOO_LARGE PROJECT_NOT_FOUND TASK_NOT_FOUND UNKNOWN_NODE_TYPE QUEUE_FULL UNAVAILABLE NO_CAPABLE_WORKER DISPATCH_FAILED SHUTTING_DOWN';
const RUN = 'IMAGE_NOT_AVAILABLE MODEL_NOT_FOUND MODEL_CORRUPT WORKSPACE_UNAVAILABLE INPUT_NOT_FOUND PATH_NOT_ALLOWED TIMEOUT OUT_OF_MEMORY CONTAINER_EXITED CONTAINER_START_FAILED PROTOCOL_VIOLATION OUTPUT_MISSING OUTPUT_TOO_LARGE NO_SPACE GPU_UNAVAILABLE WORKER_LOST INTERNAL';

describe('the error codes', () => {
  test('are the protocol’s, at the door and of a run', () => {
    const at = (place: string): string[] => Object.entries(ERROR_CODES).filter(([, meaning]) => meaning.at === place).map(([code]) => code).sort();
    expect(at('door')).toEqual(DOOR.split(' ').sort());
    expect(at('run')).toEqual(RUN.split(' ').sort());
  });

  test.each(Object.entries<ErrorCodeMeaning>(ERROR_CODES))('%s has an HTTP status that fits its fault and a sentence', (_code, { at, fault, status, meaning }) => {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
    if (at === 'door') expect(status < 500).toBe(fault === 'client');
    expect(meaning).toMatch(/^[A-Z].+\.$/);
  });

  test.each([['TIMEOUT', true], ['timeout', false], ['toString', false], ['__proto__', false], ['', false]])('isErrorCode(%p) is %p', (text, known) => {
    expect(isErrorCode(text)).toBe(known);
  });
});
