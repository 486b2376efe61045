import { planTiles, type Rect } from './tile-plan.js';
import type { RgbPixels, UpscaleModel } from './upscale-model.js';

/**
 * Longest side of a tile's core, in input pixels. With the overlap it makes windows of 216 pixels, which cost the
 * largest model some 0.6 GB and 25 s; cores of half the side would spend a quarter more time on overlap.
 */
const CORE = 192;

/**
 * How far a window reaches beyond its core, in input pixels, unless the model cannot see that far anyhow. Measured on
 * a photo: at 12 no value differs from the untiled result by more than one level, for any of the models.
 */
const OVERLAP = 12;

/** What an upscale tells while it works. */
export interface UpscaleWatcher {
  /** Part (0–1) of the whole that is done, and the tile at work, counted from 1. */
  onProgress(part: number, tile: number, tiles: number): void;
  /** `core` and `window` in input pixels, `answer` the model's for the window. */
  onTile(core: Rect, window: Rect, answer: RgbPixels, tile: number, tiles: number): Promise<void>;
}

/** An enlarged picture of one (grey) or three 8-bit channels. */
export interface Enlarged {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
  readonly tiles: number;
}

/** Enlarges a picture of any size, tile by tile: beside the result only one tile's tensors exist at a time. */
export async function upscaleImage(
  model: UpscaleModel,
  picture: RgbPixels,
  options: { readonly grey: boolean; readonly signal: AbortSignal; readonly watcher: UpscaleWatcher; readonly core?: number },
): Promise<Enlarged> {
  const { grey, signal, watcher, core = CORE } = options;
  const channels = grey ? 1 : 3;
  const width = picture.width * model.scale;
  const height = picture.height * model.scale;
  const data = new Uint8Array(width * height * channels);
  const plan = planTiles(picture.width, picture.height, { core, overlap: Math.min(OVERLAP, model.receptiveRadius) });
  const pixels = plan.reduce((sum, { window }) => sum + window.width * window.height, 0);
  let done = 0;
  for (const [index, tile] of plan.entries()) {
    signal.throwIfAborted();
    const weight = (tile.window.width * tile.window.height) / pixels;
    const report = (fraction: number) => watcher.onProgress(done + fraction * weight, index + 1, plan.length);
    report(0);
    const answer = await model.upscale(cutOut(picture, tile.window), signal, report);
    paste(answer, tile.core, tile.window, model.scale, { width, channels, data });
    await watcher.onTile(tile.core, tile.window, answer, index + 1, plan.length);
    done += weight;
  }
  return { width, height, channels, data, tiles: plan.length };
}

function cutOut(picture: RgbPixels, { left, top, width, height }: Rect): RgbPixels {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * picture.width + left) * 3;
    data.set(picture.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}

function paste(answer: RgbPixels, core: Rect, window: Rect, scale: number, canvas: { width: number; channels: 1 | 3; data: Uint8Array }): void {
  const left = (core.left - window.left) * scale;
  const top = (core.top - window.top) * scale;
  const width = core.width * scale;
  for (let y = 0; y < core.height * scale; y++) {
    const from = ((top + y) * answer.width + left) * 3;
    const row = answer.data.subarray(from, from + width * 3);
    const to = ((core.top * scale + y) * canvas.width + core.left * scale) * canvas.channels;
    canvas.data.set(canvas.channels === 3 ? row : greyOf(row), to);
  }
}

/** The mean of the three channels: they were equal in the input, and the model tints them by a level or two. */
function greyOf(row: Uint8Array): Uint8Array {
  const grey = new Uint8Array(row.length / 3);
  for (let x = 0; x < grey.length; x++) {
    grey[x] = Math.round(((row[x * 3] ?? 0) + (row[x * 3 + 1] ?? 0) + (row[x * 3 + 2] ?? 0)) / 3);
  }
  return grey;
}
