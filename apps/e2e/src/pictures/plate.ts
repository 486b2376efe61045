import { join } from 'node:path';
import sharp from 'sharp';
import { REPOSITORY } from '../stack/repository.js';
import { pixelsOf, type Pixels } from './psnr.js';

const CHELSEA = join(REPOSITORY, 'examples', 'photos', 'chelsea.png');

/** Around the cat's eyes and nose: fur, an iris, a whisker. Sides that two and four divide. */
const CLOSE_UP = { left: 112, top: 72 };

/** A picture made smaller, with what it was and what bicubic makes of it: an upscaler must come closer. */
export interface Plate {
  /** PNG of the small picture. */
  small: Buffer;
  original: Pixels;
  bicubic: Pixels;
}

/** A part of chelsea.png, `width` × `height` before it is made smaller by `factor`. */
export async function plate(width: number, height: number, factor: number): Promise<Plate> {
  const original = await sharp(CHELSEA).extract({ ...CLOSE_UP, width, height }).png().toBuffer();
  const small = await sharp(original).resize(width / factor, height / factor, { kernel: 'cubic' }).png().toBuffer();
  const bicubic = await sharp(small).resize(width, height, { kernel: 'cubic' }).png().toBuffer();
  return { small, original: await pixelsOf(original), bicubic: await pixelsOf(bicubic) };
}
