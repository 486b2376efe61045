import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpSync, rmSync, truncateSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { FLOWER, installModel } from './testing/real-models.js';
import { psnr } from './testing/psnr.js';
import { temporaryFolder } from './testing/temporary-folder.js';
import { sharp } from './sharp-engine.js';
import { upscaleImage, type UpscaleWatcher } from './upscale-image.js';
import { UpscaleModel, type RgbPixels } from './upscale-model.js';

const modelsPath = temporaryFolder();
const never = new AbortController().signal;
const silent: UpscaleWatcher = { onProgress: () => undefined, onTile: () => Promise.resolve() };
let slim: UpscaleModel;
let flower: RgbPixels;

beforeAll(async () => {
  slim = await UpscaleModel.load({ folder: installModel(modelsPath, 'slim', 2), scale: 2, range: 255 });
  flower = await photo(128);
});
afterAll(() => slim.dispose());

describe('the answer', () => {
  it.each([
    { kind: 'slim', scale: 2, range: 255, side: 40 },
    { kind: 'medium', scale: 4, range: 255, side: 24 },
    { kind: 'thick', scale: 4, range: 1, side: 12 },
  ] as const)('is the one tfjs-layers gives: $kind x$scale', async ({ kind, scale, range, side }) => {
    const folder = installModel(modelsPath, kind, scale);
    const model = await UpscaleModel.load({ folder, scale, range });
    const tile = await photo(side);
    const { width, data } = await model.upscale(tile, never);
    model.dispose();
    const reference = await referenceAnswer(folder, tile, range);
    expect(width).toBe(side * scale);
    expect(largestDifference(data, reference)).toBeLessThanOrEqual(1);
  });

  it('is nearer to the original than bicubic: slim x2 on a photo', async () => {
    const half = await photo(64);
    const bicubic = await sharp(half.data, { raw: { width: 64, height: 64, channels: 3 } }).resize(128, 128, { kernel: 'cubic' }).raw().toBuffer();
    const { data } = await slim.upscale(half, never);
    const gain = psnr(data, flower.data, 128, 4) - psnr(bicubic, flower.data, 128, 4);
    console.info(`PSNR gain over bicubic: ${gain.toFixed(2)} dB`);
    expect(gain).toBeGreaterThan(0.5);
  });

  it('is the same to the byte each time', async () => {
    const [first, second] = [await slim.upscale(flower, never), await slim.upscale(flower, never)];
    expect(Buffer.compare(first.data, second.data)).toBe(0);
  });
});

describe('tiles', () => {
  it.each([
    { kind: 'slim', scale: 2, side: 128, core: 40 },
    { kind: 'medium', scale: 2, side: 64, core: 24 },
  ] as const)('leave no seam: $kind', async ({ kind, scale, side, core }) => {
    const model = await UpscaleModel.load({ folder: installModel(modelsPath, kind, scale), scale, range: 255 });
    const picture = await photo(side);
    const whole = await model.upscale(picture, never);
    const tiled = await upscaleImage(model, picture, { grey: false, signal: never, watcher: silent, core });
    model.dispose();
    expect(tiled.tiles).toBeGreaterThan(8);
    expect(largestDifference(tiled.data, whole.data)).toBeLessThanOrEqual(1);
  });

  it('leave no tensor behind', async () => {
    const seen: number[] = [];
    const watcher: UpscaleWatcher = { ...silent, onTile: () => Promise.resolve(void seen.push(tf.memory().numTensors)) };
    const before = tf.memory().numTensors;
    await upscaleImage(slim, flower, { grey: false, signal: never, watcher, core: 48 });
    expect(seen).toEqual(Array(9).fill(before));
  });

  it('end at once when aborted, in the middle of one too, and leave no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const abort = new AbortController();
    const watcher: UpscaleWatcher = { ...silent, onProgress: (part) => void (part > 0 && abort.abort()) };
    await expect(upscaleImage(slim, flower, { grey: false, signal: abort.signal, watcher })).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each([[1, 1], [1, 7], [13, 2]])('may be as small as %i x %i', async (width, height) => {
    const data = new Uint8Array(width * height * 3).fill(90);
    const answer = await upscaleImage(slim, { width, height, data }, { grey: false, signal: never, watcher: silent });
    expect([answer.width, answer.height, answer.data.length]).toEqual([width * 2, height * 2, width * height * 12]);
  });
});

describe('a model that cannot be used', () => {
  it('is refused when it is not there', async () => {
    await expect(UpscaleModel.load({ folder: join(modelsPath, 'none'), scale: 2, range: 255 })).rejects.toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  });

  it('is refused when its factor is another', async () => {
    await expect(UpscaleModel.load({ folder: join(modelsPath, 'esrgan-slim-x2'), scale: 4, range: 255 })).rejects.toThrow(expect.objectContaining({ code: 'MODEL_CORRUPT' }));
  });

  it('is refused when a file is cut off or missing', async () => {
    const folder = join(modelsPath, 'broken');
    cpSync(join(modelsPath, 'esrgan-slim-x2'), folder, { recursive: true });
    const shard = join(folder, 'group1-shard1of1.bin');
    truncateSync(shard, 1000);
    await expect(UpscaleModel.load({ folder, scale: 2, range: 255 })).rejects.toThrow(expect.objectContaining({ code: 'MODEL_CORRUPT' }));
    rmSync(shard);
    await expect(UpscaleModel.load({ folder, scale: 2, range: 255 })).rejects.toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  });
});

async function photo(side: number): Promise<RgbPixels> {
  const data = await sharp(FLOWER).removeAlpha().resize(side, side, { kernel: 'lanczos3' }).raw().toBuffer();
  return { width: side, height: side, data };
}

function largestDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a).toHaveLength(b.length);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - (b[index] ?? 0))), 0);
}

/** What the published way of running these models gives: tf.loadLayersModel with the authors' custom layers. */
async function referenceAnswer(folder: string, tile: RgbPixels, range: number): Promise<Uint8Array> {
  registerCustomLayers();
  const json = JSON.parse(readFileSync(join(folder, 'topology.json'), 'utf8')) as { modelTopology: object; weightsManifest: { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[] };
  const shards = json.weightsManifest.flatMap(({ paths }) => paths.map((path) => new Uint8Array(readFileSync(join(folder, path)))));
  const model = await layers.loadLayersModel(
    tf.io.fromMemory({
      modelTopology: json.modelTopology,
      weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights),
      weightData: new Uint8Array(Buffer.concat(shards)).buffer,
    }),
  );
  const input = tf.tensor4d(Float32Array.from(tile.data, (value) => (value * range) / 255), [1, tile.height, tile.width, 3]);
  const output = model.predict(input) as tf.Tensor4D;
  const bytes = Uint8Array.from(await output.data(), (value) => Math.min(255, Math.max(0, Math.round((value * 255) / range))));
  tf.dispose([input, output]);
  model.dispose();
  return bytes;
}

let registered = false;
function registerCustomLayers(): void {
  if (registered) return;
  registered = true;
  class MultiplyBeta extends layers.layers.Layer {
    static className = 'MultiplyBeta';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      return tf.mul(Array.isArray(inputs) ? (inputs[0] as tf.Tensor) : inputs, 0.2);
    }
  }
  class PixelShuffle4x extends layers.layers.Layer {
    static className = 'PixelShuffle4x';
    override computeOutputShape(shape: layers.Shape | layers.Shape[]): layers.Shape {
      const [batch, height, width] = shape as layers.Shape;
      return [batch ?? null, height ?? null, width ?? null, 3];
    }
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      return tf.depthToSpace((Array.isArray(inputs) ? inputs[0] : inputs) as tf.Tensor4D, 4, 'NHWC');
    }
  }
  tf.serialization.registerClass(MultiplyBeta);
  tf.serialization.registerClass(PixelShuffle4x);
}
