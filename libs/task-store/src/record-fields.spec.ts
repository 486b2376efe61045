import { describe, expect, test } from '@jest/globals';
import { newTaskFields, parseRecord } from './record-fields.js';
import type { NewTask } from './task-record.js';

const task: NewTask = {
  taskId: 't', nodeId: 'n', projectId: 'p', nodeType: 'image_upscale', projectName: 'Film', pipelineId: 'p:1', quality: 'high', submittedAt: '2026-01-01T00:00:00.000Z',
};

/** Name and value in turn, as the hash that Redis makes of them. */
function asHash(fields: string[]): Record<string, string> {
  const hash: Record<string, string> = {};
  for (let i = 0; i < fields.length; i += 2) hash[fields[i] ?? ''] = fields[i + 1] ?? '';
  return hash;
}

describe('the fields of a task', () => {
  test.each([['without', task], ['with', { ...task, batchId: 'b', requestId: 'r' }]])('come back as they went in, %s batch and request', (_what, given) => {
    expect(parseRecord('t', { ...asHash(newTaskFields(given)), state: 'queued' })).toEqual({ ...given, state: 'queued', seq: 0, attempt: 0, progress: 0, step: 'queued' });
  });

  test('of an ended task come back with its end', () => {
    const hash = {
      ...asHash(newTaskFields(task)), state: 'failed', seq: '9', attempt: '2', progress: '33.5', step: 'failed', worker: 'w', started_at: '1000', finished_at: '2000', error: 'x', code: 'TIMEOUT', result: '{"outputPath":"/x"}',
    };
    expect(parseRecord('t', hash)).toEqual({
      ...task, state: 'failed', seq: 9, attempt: 2, progress: 33.5, step: 'failed', worker: 'w', startedAt: '1970-01-01T00:00:01.000Z', finishedAt: '1970-01-01T00:00:02.000Z', error: 'x', code: 'TIMEOUT', result: { outputPath: '/x' },
    });
  });

  test.each([['an empty hash', {}], ['an unknown state', { state: 'paused' }]])('of %s are no task', (_what, hash) => {
    expect(parseRecord('t', hash)).toBeUndefined();
  });

  test('an unknown code is left out', () => {
    expect(parseRecord('t', { state: 'failed', code: 'NO_SUCH_CODE' })?.code).toBeUndefined();
  });
});
