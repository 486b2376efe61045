import { expect, test } from '@jest/globals';
import { TaskError } from './task-error.js';

test.each([['TIMEOUT', true], ['PATH_NOT_ALLOWED', false]] as const)('a TaskError %s knows whether a retry can help: %p', (code, retryable) => {
  const error = new TaskError(code, 'a sentence', { a: 1 }, { cause: 'x' });
  expect(error).toMatchObject({ name: 'TaskError', code, message: 'a sentence', details: { a: 1 }, retryable, cause: 'x' });
  expect(error).toBeInstanceOf(Error);
});
