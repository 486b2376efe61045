import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { installModel } from './testing/real-models.js';
import { temporaryFolder } from './testing/temporary-folder.js';
import type { TaskEvents } from './protocol-writer.js';
import { runTask } from './run-task.js';
import { sharp } from './sharp-engine.js';
import { UpscaleModel } from './upscale-model.js';

const root = temporaryFolder();
let slim: UpscaleModel;

beforeAll(async () => {
  slim = await UpscaleModel.load({ folder: installModel(root, 'slim', 2), scale: 2, range: 255 });
});
afterAll(() => slim.dispose());

describe('what an input may be', () => {
  it('grey stays grey', async () => {
    await gradient(20, 12).toColourspace('b-w').png().toFile(join(root, 'grey.png'));
    const { metadata } = await upscale({ input: 'grey.png' });
    expect(metadata).toMatchObject({ width: 40, height: 24, channels: 1, space: 'b-w' });
  });

  it('grey with alpha stays both', async () => {
    await gradient(20, 12).ensureAlpha(0.5).toColourspace('b-w').png().toFile(join(root, 'grey-alpha.png'));
    const { metadata, pixels } = await upscale({ input: 'grey-alpha.png' });
    expect(metadata).toMatchObject({ width: 40, height: 24, channels: 2, hasAlpha: true });
    // Read back as RGBA.
    expect(pixels.filter((_, index) => index % 4 === 3).every((alpha) => Math.abs(alpha - 127) <= 1)).toBe(true);
  });

  it('16 bits a channel, read as the same colours', async () => {
    await gradient(16, 16).png().toFile(join(root, '8.png'));
    await gradient(16, 16).toColourspace('rgb16').png().toFile(join(root, '16.png'));
    expect((await sharp(join(root, '16.png')).metadata()).depth).toBe('ushort');
    const [eight, sixteen] = [await upscale({ input: '8.png' }), await upscale({ input: '16.png' })];
    expect(sixteen.metadata).toMatchObject({ width: 32, channels: 3, depth: 'uchar' });
    expect(sixteen.pixels.every((value, index) => Math.abs(value - (eight.pixels[index] ?? 0)) <= 3)).toBe(true);
  });

  it('a palette', async () => {
    await gradient(16, 16).png({ palette: true, colours: 8 }).toFile(join(root, 'palette.png'));
    expect((await upscale({ input: 'palette.png' })).metadata).toMatchObject({ width: 32, channels: 3, space: 'srgb' });
  });

  it('CMYK, which becomes sRGB', async () => {
    await plain(16, 16, { r: 200, g: 60, b: 40 }).toColourspace('cmyk').jpeg({ quality: 100 }).toFile(join(root, 'cmyk.jpg'));
    expect((await sharp(join(root, 'cmyk.jpg')).metadata()).space).toBe('cmyk');
    const { metadata, pixels } = await upscale({ input: 'cmyk.jpg' });
    expect(metadata).toMatchObject({ format: 'png', channels: 3, space: 'srgb' });
    const centre = (16 * 32 + 16) * 3;
    expect(Math.abs((pixels[centre] ?? 0) - 200)).toBeLessThan(40);
    expect(Math.abs((pixels[centre + 2] ?? 0) - 40)).toBeLessThan(40);
  });

  it('turned by EXIF: upright in the result', async () => {
    await gradient(20, 10).withMetadata({ orientation: 6 }).jpeg().toFile(join(root, 'turned.jpg'));
    const { metadata } = await upscale({ input: 'turned.jpg' });
    expect(metadata).toMatchObject({ width: 20, height: 40 });
    expect(metadata.orientation ?? 1).toBe(1);
  });

  it('of one pixel, or odd sides', async () => {
    await plain(1, 1, { r: 10, g: 120, b: 230 }).webp({ lossless: true }).toFile(join(root, 'dot.webp'));
    expect((await upscale({ input: 'dot.webp' })).metadata).toMatchObject({ width: 2, height: 2 });
    await gradient(33, 7).png().toFile(join(root, 'odd.png'));
    expect((await upscale({ input: 'odd.png', scale: 1.5 })).metadata).toMatchObject({ width: 50, height: 11 });
  });

  it('named by more than a file system takes with the endings', async () => {
    const name = `${'ß'.repeat(120)}.png`;
    await plain(2, 2, { r: 1, g: 1, b: 1 }).png().toFile(join(root, name));
    expect((await upscale({ input: name })).name).toBe(`${'ß'.repeat(100)}-x2.png`);
  });
});

describe('alpha', () => {
  it('is kept when it is opaque everywhere', async () => {
    await gradient(16, 16).ensureAlpha(1).png().toFile(join(root, 'opaque.png'));
    const { metadata, pixels } = await upscale({ input: 'opaque.png' });
    expect(metadata).toMatchObject({ channels: 4, hasAlpha: true });
    expect(pixels.filter((_, index) => index % 4 === 3).every((value) => value === 255)).toBe(true);
  });

  it('is enlarged with no dark fringe where the colour under it is black', async () => {
    await halfTransparent(32, 32).toFile(join(root, 'cut-out.png'));
    const { metadata, pixels } = await upscale({ input: 'cut-out.png' });
    expect(metadata).toMatchObject({ width: 64, height: 64, channels: 4 });
    const row = 32 * 64 * 4;
    expect(pixels[row + 3]).toBe(255);
    expect(pixels[row + 63 * 4 + 3]).toBe(0);
    for (let x = 2; x < 64; x++) {
      const [red = 0, alpha = 0] = [pixels[row + x * 4], pixels[row + x * 4 + 3]];
      // The one colour of the picture is (230, 40, 40): wherever it shows at all it has to be that.
      if (alpha > 8) expect(Math.abs(red - 230)).toBeLessThan(25);
    }
  });

  it.each([2, 1.5])('goes on white in JPEG, and is warned of: scale %f', async (scale) => {
    await halfTransparent(32, 32).toFile(join(root, 'cut-out.png'));
    const { metadata, pixels, name, warnings } = await upscale({ input: 'cut-out.png', format: 'jpeg', scale });
    expect(metadata).toMatchObject({ format: 'jpeg', channels: 3 });
    expect(name).toBe(`cut-out-x${scale}.jpg`);
    const right = (Math.floor(metadata.height / 2) * metadata.width + metadata.width - 2) * 3;
    expect([...pixels.subarray(right, right + 3)].every((value) => value > 250)).toBe(true);
    expect(warnings).toHaveLength(1);
  });
});

async function upscale(parameters: Record<string, unknown>) {
  const outputDir = mkdtempSync(join(root, 'out-'));
  const warnings: string[] = [];
  let name = '';
  const events: TaskEvents = {
    progress: () => undefined,
    preview: () => undefined,
    metric: () => undefined,
    log: (_, message) => void warnings.push(message),
    output: (path) => (name = path),
  };
  const task = { taskId: 't', parameters, workspacePath: root, outputDir, modelsPath: root };
  await runTask(task, { scale: 2, load: () => Promise.resolve(slim) }, events, new AbortController().signal);
  const result = sharp(join(outputDir, name));
  return { metadata: await result.metadata(), pixels: await result.raw().toBuffer(), name, warnings };
}

function gradient(width: number, height: number) {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, index) => {
    const pixel = Math.floor(index / 3);
    return 40 + Math.round((150 * (pixel % width)) / width) + 20 * (index % 3);
  });
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function plain(width: number, height: number, background: { r: number; g: number; b: number }) {
  return sharp({ create: { width, height, channels: 3, background } });
}

/** The left half red and opaque, the right half black and transparent. */
function halfTransparent(width: number, height: number) {
  const data = Uint8Array.from({ length: width * height * 4 }, (_, index) =>
    Math.floor(index / 4) % width < width / 2 ? ([230, 40, 40, 255][index % 4] ?? 0) : 0,
  );
  return sharp(data, { raw: { width, height, channels: 4 } }).png();
}
