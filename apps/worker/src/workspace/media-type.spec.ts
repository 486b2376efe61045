import { mediaTypeOf } from './media-type.js';

it.each([
  ['a.png', 'image/png'], ['A.PNG', 'image/png'], ['deep/er/shot.0001.exr', 'image/x-exr'], ['a.jpeg', 'image/jpeg'], ['a.mov', 'video/quicktime'], ['a.wav', 'audio/wav'], ['a.json', 'application/json'],
  ['a', 'application/octet-stream'], ['a.', 'application/octet-stream'], ['.png', 'application/octet-stream'], ['a.png.exe', 'application/octet-stream'], ['a.constructor', 'application/octet-stream'],
])('%s is %s', (path, expected) => {
  expect(mediaTypeOf(path)).toBe(expected);
});
