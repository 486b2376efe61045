import { TaskError } from '@function-runner/task-contract';
import { asStorageError } from './storage-error.js';

it.each([
  ['ENOSPC', 'NO_SPACE', true], ['EDQUOT', 'NO_SPACE', true], ['EACCES', 'WORKSPACE_UNAVAILABLE', true], ['EROFS', 'WORKSPACE_UNAVAILABLE', true], ['EIO', 'WORKSPACE_UNAVAILABLE', true], [undefined, 'WORKSPACE_UNAVAILABLE', true],
])('%s becomes %s', (code, expected, retryable) => {
  const cause = Object.assign(new Error('it said so'), { code });
  const error = asStorageError(cause, 'cannot publish');
  expect(error).toBeInstanceOf(TaskError);
  expect([error.code, error.retryable, error.cause]).toEqual([expected, retryable, cause]);
  expect(error.message).toMatch(/^cannot publish: /);
});
