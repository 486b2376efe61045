import { sharp } from './sharp-engine.js';
import type { Rect } from './tile-plan.js';
import type { RgbPixels } from './upscale-model.js';

/** Longest side of a preview, in pixels: some 15 kB of JPEG. */
const LONGEST_SIDE = 256;
/** Brightness of what is still to be done, so that one sees the picture and how far it has come. */
const PENDING_BRIGHTNESS = 0.35;

/** A small picture of the work: the input, dimmed, with the finished tiles at full brightness. */
export class PreviewCanvas {
  private constructor(
    private readonly width: number,
    private readonly height: number,
    private readonly zoom: number,
    private readonly pixels: Uint8Array,
  ) {}

  /** `scale` is the model's: the preview never shows more pixels than the result has. */
  static async over(picture: RgbPixels, scale: number): Promise<PreviewCanvas> {
    const zoom = Math.min(scale, LONGEST_SIDE / Math.max(picture.width, picture.height));
    const width = Math.max(1, Math.round(picture.width * zoom));
    const height = Math.max(1, Math.round(picture.height * zoom));
    const pixels = await sharp(picture.data, { raw: { width: picture.width, height: picture.height, channels: 3 } })
      .resize({ width, height, fit: 'fill' })
      .linear(PENDING_BRIGHTNESS, 0)
      .raw()
      .toBuffer();
    return new PreviewCanvas(width, height, zoom, pixels);
  }

  /** Draws a finished tile: `core` in input pixels, `answer` the model's for `window`. */
  draw(core: Rect, window: Rect, answer: RgbPixels): void {
    const scale = answer.width / window.width;
    const bottom = Math.min(this.height, Math.ceil((core.top + core.height) * this.zoom));
    const right = Math.min(this.width, Math.ceil((core.left + core.width) * this.zoom));
    for (let y = Math.floor(core.top * this.zoom); y < bottom; y++) {
      const fromY = clamp(Math.floor(((y + 0.5) / this.zoom - window.top) * scale), answer.height);
      for (let x = Math.floor(core.left * this.zoom); x < right; x++) {
        const fromX = clamp(Math.floor(((x + 0.5) / this.zoom - window.left) * scale), answer.width);
        const from = (fromY * answer.width + fromX) * 3;
        this.pixels.set(answer.data.subarray(from, from + 3), (y * this.width + x) * 3);
      }
    }
  }

  async toJpeg(): Promise<Buffer> {
    return sharp(this.pixels, { raw: { width: this.width, height: this.height, channels: 3 } }).jpeg({ quality: 80 }).toBuffer();
  }
}

function clamp(value: number, length: number): number {
  return Math.min(length - 1, Math.max(0, value));
}
