import { describe, expect, test } from '@jest/globals';
import { toClientEvent, toClientPreview } from './client-event.js';
import type { TaskEvent, TaskResult } from './task-event.js';

const stored = { task_id: 't', node_id: 'n', project_id: 'p', seq: 3, attempt: 1, progress: 40, step: 's', timestamp: '2026-01-01T00:00:00.000Z' };
const sent = { taskId: 't', nodeId: 'n', projectId: 'p', seq: 3, attempt: 1, progress: 40, step: 's', timestamp: '2026-01-01T00:00:00.000Z' };
const result: TaskResult = { outputPath: '/workspace/F/outputs/renders/n/t', outputs: [], metadata: { pipelineId: 'p:1', durationMs: 1, queuedMs: 2, attempt: 1 } };

describe('toClientEvent', () => {
  test.each<[string, TaskEvent, unknown]>([
    ['queued', { ...stored, status: 'queued', queue_position: 2 }, { name: 'task_progress', payload: { ...sent, status: 'queued', queuePosition: 2 } }],
    ['queued, and told when it is thought to start', { ...stored, status: 'queued', queue_position: 2, eta_seconds: 90 }, { name: 'task_progress', payload: { ...sent, status: 'queued', queuePosition: 2, etaSeconds: 90 } }],
    ['preparing', { ...stored, status: 'preparing' }, { name: 'task_progress', payload: { ...sent, status: 'preparing' } }],
    ['running in a batch', { ...stored, status: 'running', batch_id: 'b' }, { name: 'task_progress', payload: { ...sent, status: 'running', batchId: 'b' } }],
    ['cancelling', { ...stored, status: 'cancelling' }, { name: 'task_progress', payload: { ...sent, status: 'cancelling' } }],
    ['completed', { ...stored, progress: 100, status: 'completed', result }, { name: 'task_success', payload: { ...sent, progress: 100, status: 'completed', result } }],
    [
      'failed', { ...stored, status: 'failed', error: 'e', code: 'TIMEOUT', retryable: true, log_tail: ['l'] },
      { name: 'task_failed', payload: { ...sent, status: 'failed', error: 'e', code: 'TIMEOUT', retryable: true, logTail: ['l'] } },
    ],
    ['cancelled', { ...stored, status: 'cancelled', reason: 'r' }, { name: 'task_cancelled', payload: { ...sent, status: 'cancelled', reason: 'r' } }],
  ])('%s', (_status, event, expected) => {
    expect(toClientEvent(event)).toStrictEqual(expected);
  });
});

test('toClientPreview gives the picture as bytes', () => {
  const picture = Buffer.from([0, 255, 7]);
  expect(toClientPreview({ ...stored, status: 'running', preview: { mediaType: 'image/png', width: 2, height: 1, data: picture.toString('base64') } })).toStrictEqual({
    ...sent, status: 'running', mediaType: 'image/png', width: 2, height: 1, data: picture,
  });
});
