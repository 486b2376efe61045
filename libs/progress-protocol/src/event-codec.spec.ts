import { describe, expect, test } from '@jest/globals';
import { decodeEvent, isPreview } from './event-codec.js';

const event = { task_id: 't', node_id: 'n', project_id: 'p', seq: 3, attempt: 1, progress: 5, step: 's', status: 'running', timestamp: '2026-01-01T00:00:00.000Z' };

describe('decodeEvent', () => {
  test('reads an event', () => {
    const decoded = decodeEvent(JSON.stringify(event));
    expect(decoded).toEqual(event);
    expect(isPreview(decoded)).toBe(false);
  });

  test('tells a preview', () => {
    expect(isPreview(decodeEvent(JSON.stringify({ ...event, preview: { mediaType: 'image/png', data: '' } })))).toBe(true);
  });

  test.each(['', 'null', '[]', '7', '{}', '{"task_id":"t"', JSON.stringify({ ...event, seq: '3' }), JSON.stringify({ ...event, status: 'paused' }), JSON.stringify({ ...event, task_id: 1 })])('refuses %s', (text) => {
    expect(() => decodeEvent(text)).toThrow(SyntaxError);
  });
});
