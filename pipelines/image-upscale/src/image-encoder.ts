import { access, constants, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { PipelineFailure } from './pipeline-failure.js';
import { sharp } from './sharp-engine.js';
import { unlessAborted } from './unless-aborted.js';
import type { OutputFormat } from './upscale-parameters.js';

/** What a result is made of: the enlarged colours, the alpha still at the input's size, and the size wanted. */
export interface EncodeRequest {
  readonly colours: { readonly width: number; readonly height: number; readonly channels: 1 | 3; readonly data: Uint8Array };
  readonly alpha?: { readonly width: number; readonly height: number; readonly data: Uint8Array };
  readonly width: number;
  readonly height: number;
  readonly format: OutputFormat;
}

/** Media type of each format a result can have. */
export const MEDIA_TYPES: Readonly<Record<OutputFormat, string>> = { png: 'image/png', jpeg: 'image/jpeg', webp: 'image/webp' };

/** What a format can hold, or what of it this pipeline can write in its memory. */
export interface FormatLimits {
  /** In pixels. */
  readonly side: number;
  readonly pixels: number;
}

/** libwebp keeps the whole picture and its tokens, some 45 bytes a pixel in the worst case: 12 megapixels are 0.5 GB. */
export const FORMAT_LIMITS: Readonly<Record<OutputFormat, FormatLimits>> = {
  png: { side: 2 ** 31 - 1, pixels: Infinity },
  jpeg: { side: 65_500, pixels: Infinity },
  webp: { side: 16_383, pixels: 12_000_000 },
};

/**
 * Writes the picture to `file` by way of a hidden neighbour and a rename, so that no half picture ever has its name.
 * Colours are brought down to the wanted size by Lanczos where the model gave more; alpha goes up from the input by
 * a cubic kernel, which rings less than Lanczos at the hard edges masks are made of.
 */
export async function encodeImage(request: EncodeRequest, file: string, signal: AbortSignal): Promise<void> {
  const folder = dirname(file);
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw new PipelineFailure('WORKSPACE_UNAVAILABLE', `The output folder ${folder} cannot be written to.`, { cause: error });
  });
  const part = join(folder, `.${basename(file)}.part`);
  let writing: Promise<unknown> = Promise.resolve();
  try {
    const encoder = await assemble(request);
    // libvips cannot be stopped half-way: on abort we leave it to write into a file that no longer has a name.
    writing = encoder.toFile(part);
    await unlessAborted(writing, signal);
    await rename(part, file);
  } catch (error) {
    await rm(part, { force: true });
    // Once more at its end: it may not have made the file yet.
    abandoned = writing.then(ignore, ignore).then(() => rm(part, { force: true })).catch(ignore);
    throw error;
  }
}

let abandoned: Promise<void> = Promise.resolve();

/** Resolves when no write of an aborted task is at work any more: it holds a whole picture in memory. */
export function abandonedWrite(): Promise<void> {
  return abandoned;
}

function ignore(): void {}

async function assemble({ colours, alpha, width, height, format }: EncodeRequest) {
  const { channels } = colours;
  if (alpha && format === 'jpeg') putOnWhite(colours.data, channels, await enlargeAlpha(alpha, colours.width, colours.height));
  let picture = sharpOf(colours, channels);
  if (colours.width !== width || colours.height !== height) picture = picture.resize({ width, height, fit: 'fill', kernel: 'lanczos3' });
  if (alpha && format !== 'jpeg') picture = picture.joinChannel(await enlargeAlpha(alpha, width, height), { raw: { width, height, channels: 1 } });
  picture = picture.toColourspace(channels === 1 ? 'b-w' : 'srgb');
  switch (format) {
    case 'png':
      return picture.png({ compressionLevel: 6 });
    case 'jpeg':
      // Full chroma: halving it would throw away half of what the model has just drawn. No optimised Huffman tables:
      // they save some percent of the file and hold the whole picture's coefficients in memory, 6 bytes a pixel.
      return picture.jpeg({ quality: 92, chromaSubsampling: '4:4:4', optimiseCoding: false });
    case 'webp':
      return picture.webp({ quality: 92, smartSubsample: true });
  }
}

function sharpOf({ width, height, data }: { width: number; height: number; data: Uint8Array }, channels: 1 | 3) {
  return sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
}

/** In place, for formats without alpha. */
function putOnWhite(data: Uint8Array, channels: number, opacity: Uint8Array): void {
  for (let i = 0; i < data.length; i++) {
    const a = opacity[Math.floor(i / channels)] ?? 255;
    data[i] = Math.round(((data[i] ?? 0) * a + 255 * (255 - a)) / 255);
  }
}

async function enlargeAlpha(alpha: { width: number; height: number; data: Uint8Array }, width: number, height: number): Promise<Buffer> {
  return sharpOf(alpha, 1)
    .resize({ width, height, fit: 'fill', kernel: 'cubic' })
    .toColourspace('b-w')
    .raw()
    .toBuffer();
}
