// @ts-check
import { expect, test } from '@jest/globals';
import { anotherTask, goingOn } from './start-text.mjs';

const facts = { takePath: '/w/take/a.png', apiUrl: 'http://127.0.0.1:3000', redisUrl: 'redis://:secret@r:1', logs: '/r/logs' };

test('once: the take alone', () => {
  expect(goingOn({ ...facts, once: true }).trim()).toBe('Take         /w/take/a.png');
});

test('staying up: where everything is, how to go on and how to stop, and no password', () => {
  const text = goingOn({ ...facts, once: false });
  for (const part of ['/w/take/a.png', 'http://127.0.0.1:3000/docs', '/r/logs', anotherTask(facts.apiUrl), 'Ctrl-C']) expect(text).toContain(part);
  expect(text).not.toContain('secret');
});

test('the pasted command carries valid JSON', () => {
  const body = /-d '(.*)'$/.exec(anotherTask(facts.apiUrl))?.[1] ?? '';
  expect(JSON.parse(body)).toMatchObject({ nodeType: 'image_upscale', projectId: 'sample-film' });
});
