import { expect, test } from '@jest/globals';
import { byteSize } from './byte-size.js';

test.each([[0, '0 B'], [1023, '1023 B'], [1024, '1.0 KiB'], [1_572_864, '1.5 MiB'], [2 ** 30, '1.0 GiB'], [2 ** 52, '4096.0 TiB']])('%i bytes are %s', (bytes, text) => {
  expect(byteSize(bytes)).toBe(text);
});
