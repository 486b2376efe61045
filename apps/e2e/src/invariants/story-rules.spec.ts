import type { TaskEvent } from '@function-runner/progress-protocol';
import type { Heard } from '../editor/editor.js';
import { checkLog, checkStories } from './story-rules.js';

function stored(seq: number, status: string, progress = 0, attempt = 1): TaskEvent {
  return { task_id: 't', seq, status, progress, attempt } as TaskEvent;
}

function heard(name: string, seq: number, status = name === 'task_progress' ? 'running' : 'completed', progress = 0): Heard {
  return { name, payload: { taskId: 't', seq, status, progress } };
}

describe('checkLog', () => {
  it('takes a whole story, over several attempts', () => {
    expect(() => checkLog('t', [stored(1, 'queued', 0, 0), stored(2, 'running', 50), stored(3, 'preparing', 0, 2), stored(4, 'completed', 100, 2)])).not.toThrow();
  });

  it.each([
    ['no end', [stored(1, 'queued')], /^I1/],
    ['two ends', [stored(1, 'completed'), stored(2, 'failed')], /^I1/],
    ['an event after its end', [stored(1, 'completed'), stored(2, 'running')], /^I2/],
    ['a hole', [stored(1, 'queued'), stored(3, 'completed')], /^I3/],
    ['a progress that falls', [stored(1, 'running', 50), stored(2, 'running', 40), stored(3, 'completed', 100)], /falls from 50 to 40/],
    ['an attempt that comes back', [stored(1, 'running', 0, 2), stored(2, 'completed', 100, 1)], /goes back from attempt 2/],
  ])('refuses %s', (_what, events, message) => {
    expect(() => checkLog('t', events)).toThrow(message);
  });
});

describe('checkStories', () => {
  const logs = new Map([['t', [stored(1, 'running'), stored(2, 'running'), stored(3, 'completed')]]]);

  it('takes a story from its middle on', () => {
    expect(() => checkStories([heard('task_progress', 2), heard('task_preview', 2), heard('task_success', 3)], logs)).not.toThrow();
  });

  it.each([
    ['a hole', [heard('task_progress', 1), heard('task_success', 3)], /^I3/],
    ['a repetition', [heard('task_progress', 1), heard('task_progress', 1)], /^I3/],
    ['two ends', [heard('task_success', 3), heard('task_failed', 4)], /^I1/],
    ['a preview after the end', [heard('task_success', 3), heard('task_preview', 3)], /^I2/],
    ['another event than is stored', [heard('task_progress', 1, 'preparing')], /another event 1/],
  ])('refuses %s', (_what, messages, message) => {
    expect(() => checkStories(messages, logs)).toThrow(message);
  });
});
