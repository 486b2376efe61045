import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeEvent } from '@function-runner/progress-protocol';
import { TASK_STATES } from '@function-runner/task-contract';
import { eventHead, eventTail } from './event-text.js';

/** Any string at all: broken surrogates, control characters and quotes included. */
const anyText = fc.string({ unit: 'binary', maxLength: 40 });

describe('the text of an event', () => {
  test('is as the protocol has it', () => {
    const identity = { taskId: 't', nodeId: 'n', projectId: 'p', batchId: 'b' };
    const text = `${eventHead(identity)}7,"attempt":2,"progress":12.5${eventTail(identity, 'running', 'tile 1 of 8', new Date('2026-01-02T03:04:05.006Z'), { queue_position: 3 })}`;
    expect(text).toBe('{"task_id":"t","node_id":"n","project_id":"p","seq":7,"attempt":2,"progress":12.5,"step":"tile 1 of 8","status":"running","timestamp":"2026-01-02T03:04:05.006Z","batch_id":"b","queue_position":3}');
  });

  test('is valid JSON that says what was put in, whatever the strings', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, anyText, anyText, fc.constantFrom(...TASK_STATES), fc.nat(), fc.double({ min: 0, max: 100, noNaN: true }), (taskId, nodeId, projectId, step, reason, status, seq, progress) => {
        const identity = { taskId, nodeId, projectId };
        // Redis puts in the numbers; String() stands for it.
        const text = `${eventHead(identity)}${seq},"attempt":1,"progress":${String(progress)}${eventTail(identity, status, step, new Date(0), { reason })}`;
        expect(text).not.toMatch(/\n/);
        const event = decodeEvent(text);
        expect(event).toMatchObject({ task_id: taskId, node_id: nodeId, project_id: projectId, seq, progress: progress === 0 ? 0 : progress, step, status, reason, timestamp: '1970-01-01T00:00:00.000Z' });
        expect(Object.keys(event)).not.toContain('batch_id');
      }),
    );
  });
});
