import { expect, test } from '@jest/globals';
import { isOriginAllowed } from './origin-policy.js';

test.each<[string | undefined, readonly string[] | undefined, boolean]>([
  [undefined, undefined, true],
  [undefined, ['https://editor.example'], true],
  ['http://localhost:5173', undefined, true],
  ['http://127.0.0.1:8080', undefined, true],
  ['http://[::1]:8080', undefined, true],
  ['https://evil.example', undefined, false],
  ['http://localhost.evil.example', undefined, false],
  ['http://127.0.0.1.evil.example', undefined, false],
  ['null', undefined, false],
  ['not a url', undefined, false],
  ['https://editor.example', ['https://editor.example'], true],
  ['https://editor.example:8443', ['https://editor.example'], false],
  ['http://localhost:5173', ['https://editor.example'], false],
])('the Origin %s, allowed %j: %s', (origin, allowed, expected) => {
  expect(isOriginAllowed(origin, allowed)).toBe(expected);
});
