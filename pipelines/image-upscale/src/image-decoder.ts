import { access, constants, stat } from 'node:fs/promises';
import { PipelineFailure } from './pipeline-failure.js';
import { bleedColour } from './colour-bleed.js';
import { MAX_INPUT_PIXELS } from './pixel-limits.js';
import { sharp } from './sharp-engine.js';

/** An 8-bit sRGB picture, upright, its alpha (not premultiplied) apart from its colours. */
export interface DecodedImage {
  readonly width: number;
  readonly height: number;
  /** Three channels, interleaved, also when the picture is grey. */
  readonly rgb: Uint8Array;
  /** One byte a pixel; absent when the file has no alpha channel. */
  readonly alpha?: Uint8Array;
  /** The file was greyscale, so the result should be. */
  readonly grey: boolean;
  /** Frames in the file; only the first is decoded. */
  readonly frames: number;
}

/** Size of a picture once upright, in pixels. */
export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

/** Reads the header only and refuses what this pipeline does not take, before a pixel is decoded. */
export async function inspectImage(file: string, maxPixels: number): Promise<ImageSize> {
  const { width, height, format } = await metadataOf(file);
  if (!['png', 'jpeg', 'webp'].includes(format)) throw unreadable(file);
  if (width * height > maxPixels) {
    throw new PipelineFailure(
      'VALIDATION_FAILED',
      `The input has ${width} x ${height} pixels; at most ${maxPixels / 1e6} megapixels are taken. Make it smaller, cut it up, or choose a model of a smaller factor.`,
    );
  }
  return { width, height };
}

/** Decodes PNG, JPEG or WebP of any depth and colour space to 8-bit sRGB, turned upright. */
export async function decodeImage(file: string): Promise<DecodedImage> {
  const { space, pages } = await metadataOf(file);
  try {
    const { data, info } = await sharp(file, { failOn: 'error', limitInputPixels: MAX_INPUT_PIXELS })
      .autoOrient()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const { width, height, channels } = info;
    const { rgb, alpha } = split(data, channels);
    if (alpha) bleedColour(rgb, alpha, width, height);
    return { width, height, rgb, ...(alpha ? { alpha } : {}), grey: space === 'b-w' || space === 'grey16', frames: pages ?? 1 };
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function metadataOf(file: string) {
  const found = await stat(file).catch((error: unknown) => {
    throw new PipelineFailure('INPUT_NOT_FOUND', `The input ${file} does not exist: check the parameter "input".`, { cause: error });
  });
  if (!found.isFile()) throw new PipelineFailure('INPUT_NOT_FOUND', `The input ${file} is not a file: check the parameter "input".`);
  await access(file, constants.R_OK).catch((error: unknown) => {
    throw new PipelineFailure('INPUT_NOT_FOUND', `The input ${file} may not be read by this container's user: make it readable for others.`, { cause: error });
  });
  try {
    const metadata = await sharp(file, { limitInputPixels: false }).metadata();
    return { ...metadata, width: metadata.autoOrient.width, height: metadata.autoOrient.height };
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Parts interleaved pixels of one to four channels into colours and alpha. */
function split(data: Buffer, channels: number): { rgb: Uint8Array; alpha?: Uint8Array } {
  if (channels === 3) return { rgb: data };
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  const alpha = channels % 2 === 0 ? new Uint8Array(pixels) : undefined;
  const green = channels < 3 ? 0 : 1;
  const blue = channels < 3 ? 0 : 2;
  for (let i = 0, from = 0, to = 0; i < pixels; i++, from += channels, to += 3) {
    rgb[to] = data[from] ?? 0;
    rgb[to + 1] = data[from + green] ?? 0;
    rgb[to + 2] = data[from + blue] ?? 0;
    if (alpha) alpha[i] = data[from + channels - 1] ?? 0;
  }
  return alpha ? { rgb, alpha } : { rgb };
}

/** The picture is at fault, unless the error speaks of what the machine refused (memory, threads). */
function unreadable(file: string, cause?: unknown): PipelineFailure {
  const failure = PipelineFailure.from(cause);
  if (failure.code !== 'INTERNAL' || /creating thread/i.test(failure.message)) return failure;
  const why = cause instanceof Error ? ` (${cause.message.trim().split('\n')[0] ?? ''})` : '';
  return new PipelineFailure('VALIDATION_FAILED', `The input ${file} is not a whole PNG, JPEG or WebP picture${why}.`, { cause });
}
