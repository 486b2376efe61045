import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { abandonedWrite, encodeImage } from './image-encoder.js';
import { temporaryFolder } from './testing/temporary-folder.js';

const root = temporaryFolder();

it.each([0, 1, 20])('leaves no file behind a write aborted after %i ms, once that has come to its end', async (delay) => {
  const folder = mkdtempSync(join(root, 'out-'));
  const [width, height] = [3000, 2000];
  const colours = { width, height, channels: 3 as const, data: Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 2654435761) >>> 24) };
  const abort = new AbortController();
  const writing = encodeImage({ colours, width, height, format: 'png' }, join(folder, 'a.png'), abort.signal);
  setTimeout(() => abort.abort(), delay);
  await expect(writing).rejects.toThrow('abort');
  await abandonedWrite();
  expect(readdirSync(folder)).toEqual([]);
});
