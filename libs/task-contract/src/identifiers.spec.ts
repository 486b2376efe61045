import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { v7 } from 'uuid';
import { CLIENT_ID, PROJECT_NAME, REQUEST_ID, TASK_ID } from './identifiers.js';

describe('the identifiers', () => {
  test.each([
    ['CLIENT_ID', CLIENT_ID, ['a', 'node-1', 'Node_1.b', 'x'.repeat(128)], ['', '.', '..', '-a', 'a/b', 'a b', 'a:b', 'a{b}', 'a\n', 'x'.repeat(129), 'ä']],
    ['PROJECT_NAME', PROJECT_NAME, ['F', 'My Film', 'My.Film-2', 'x'.repeat(64)], ['', '.', '..', ' Film', 'Film ', 'Film.', 'a/b', 'a\\b', 'a\nb', 'x'.repeat(65), 'a:b']],
    ['REQUEST_ID', REQUEST_ID, ['a', '{x}:*', '!'.repeat(128)], ['', ' ', 'a b', 'a\n', 'ä', '!'.repeat(129)]],
    ['TASK_ID', TASK_ID, ['0199c0de-0000-7000-8000-000000000001'], ['', '0199c0de-0000-4000-8000-000000000001', '0199C0DE-0000-7000-8000-000000000001', '0199c0de-0000-7000-c000-000000000001']],
  ])('%s', (_name, grammar, right, wrong) => {
    for (const text of right) expect([text, grammar.test(text)]).toEqual([text, true]);
    for (const text of wrong) expect([text, grammar.test(text)]).toEqual([text, false]);
  });

  test('a UUIDv7 is a task id', () => {
    expect(v7()).toMatch(TASK_ID);
  });

  test('what is a client id or a project’s name is one path segment', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 130 }), (text) => {
        if (CLIENT_ID.test(text) || PROJECT_NAME.test(text)) expect(text).toMatch(/^(?!\.{1,2}$)[^/\\\0]+$/);
      }),
    );
  });
});
