import { expect, it } from '@jest/globals';
import { readTaskLine } from './task-line.js';

const defaults = { workspacePath: '/workspace', modelsPath: '/models' };

it('reads a task and falls back to the environment', () => {
  const line = JSON.stringify({ protocol: 1, taskId: 't', parameters: { input: 'a' }, outputDir: '/out', somethingNew: true });
  expect(readTaskLine(line, defaults)).toEqual({ taskId: 't', parameters: { input: 'a' }, outputDir: '/out', ...defaults });
});

it.each(['', '[]', 'null', '{', '{"protocol":2,"parameters":{},"outputDir":"/o"}', '{"protocol":1,"outputDir":"/o"}', '{"protocol":1,"parameters":{}}'])(
  'refuses %j',
  (line) => {
    expect(() => readTaskLine(line, defaults)).toThrow(expect.objectContaining({ code: 'PROTOCOL_VIOLATION' }));
  },
);
