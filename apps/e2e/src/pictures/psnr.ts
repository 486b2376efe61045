import sharp from 'sharp';

/** Plain RGB pixels. */
export interface Pixels {
  width: number;
  height: number;
  /** Three bytes a pixel. */
  data: Buffer;
}

export async function pixelsOf(file: string | Buffer): Promise<Pixels> {
  const { data, info } = await sharp(file).removeAlpha().toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`a picture with ${info.channels} channels`);
  return { width: info.width, height: info.height, data };
}

/** Peak signal-to-noise ratio of two pictures of one size, dB over all three colours, without `border` pixels all round. */
export function psnr(a: Pixels, b: Pixels, border: number): number {
  if (a.width !== b.width || a.height !== b.height) throw new Error(`${a.width} × ${a.height} cannot be compared with ${b.width} × ${b.height}`);
  let sum = 0;
  let count = 0;
  for (let y = border; y < a.height - border; y += 1) {
    for (let at = (y * a.width + border) * 3; at < (y * a.width + a.width - border) * 3; at += 1) {
      sum += ((a.data[at] ?? 0) - (b.data[at] ?? 0)) ** 2;
      count += 1;
    }
  }
  return 10 * Math.log10(255 ** 2 / (sum / count));
}
