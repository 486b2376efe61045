import { expect, it } from '@jest/globals';
import { readArguments } from './pipeline-arguments.js';

it('reads what pipeline.json passes', () => {
  expect(readArguments(['--model', 'esrgan-thick-x4', '--scale', '4', '--range', '1'])).toEqual({ model: 'esrgan-thick-x4', scale: 4, range: 1, serve: false });
  expect(readArguments(['--serve', '--model', 'esrgan-slim-x2', '--scale', '2', '--range', '255'])).toEqual({ model: 'esrgan-slim-x2', scale: 2, range: 255, serve: true });
});

it.each([
  [[]],
  [['--model', 'm', '--scale', '3', '--range', '255']],
  [['--model', 'm', '--scale', '2', '--range', '2']],
  [['--model', 'm', '--scale', '2']],
  [['--model', 'm', '--scale', '2', '--range', '1', '--other', 'x']],
  [['--model', 'm', '--scale', '2', '--range', '1', '--serve=yes']],
])('refuses %j', (args) => {
  expect(() => readArguments(args)).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
});
