import { describe, expect, test } from '@jest/globals';
import { TaskError } from '@function-runner/task-contract';
import { fromCursor, toCursor } from './page-cursor.js';

const PLACE = { submittedAt: 1_796_083_200_123, taskId: '01a20fb4-badd-77af-823a-fc9fb4c87356' };

describe('the cursor of a page', () => {
  test('comes back as the place that it was, and needs no escaping in a URL', () => {
    expect(fromCursor(toCursor(PLACE))).toEqual(PLACE);
    expect(toCursor(PLACE)).toMatch(/^[\w-]+$/);
  });

  test.each([
    ['nothing', ''], ['a task id', PLACE.taskId], ['no base64url', '%%%'], ['another text', Buffer.from('hello').toString('base64url')],
    ['a place with more behind it', Buffer.from(`1.${PLACE.taskId}x`).toString('base64url')], ['a negative time', Buffer.from(`-1.${PLACE.taskId}`).toString('base64url')],
    ['half of one', toCursor(PLACE).slice(0, 20)],
  ])('%s is refused', (_what, cursor) => {
    expect(() => fromCursor(cursor)).toThrow(new TaskError('VALIDATION_FAILED', 'cursor must be the nextCursor of an answer to the same question'));
  });
});
