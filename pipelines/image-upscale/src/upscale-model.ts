import { setImmediate } from 'node:timers/promises';
import { add, concat, depthToSpace, fused, image, mul, relu, scalar, tensor, tensor4d, type Tensor, type Tensor4D } from '@tensorflow/tfjs-core';
import { PipelineFailure } from './pipeline-failure.js';
import { readModelFiles } from './model-files.js';
import type { ModelStep, ModelTopology } from './model-topology.js';
import { startWasmBackend } from './wasm-backend.js';

/** Which model, and how its numbers are meant. */
export interface ModelChoice {
  /** Folder that holds topology.json and its shards. */
  readonly folder: string;
  /** Output pixels per input pixel along a side, as the pipeline promises it; checked against the graph. */
  readonly scale: number;
  /** The value that stands for white, in the input as in the output: 255 or 1. */
  readonly range: number;
}

/** A picture of three 8-bit channels, interleaved, rows from the top. */
export interface RgbPixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Side of the picture that a server warms up on, in pixels. Measured with slim x2 and a first task of 64 px: 8 px cost
 * 35 ms and save 45, 32 px cost 70 and save 60 (then it is within 20 to 40 ms of the second), 64 px cost 150 and save 75.
 */
const WARM_UP_SIDE = 32;

/** How long the event loop may be kept from signals and timers, in ms; a single step of the largest model takes some 100 ms. */
const YIELD_EVERY_MS = 30;

/**
 * A super-resolution model in memory. Owns the weights' tensors; every other tensor lives within one `upscale` call
 * and is released as soon as its last reader has run, which keeps the peak at a few layers of one tile.
 */
export class UpscaleModel {
  private readonly reads: readonly number[];
  private readonly cost: readonly number[];
  private readonly totalCost: number;

  private constructor(
    private readonly topology: ModelTopology,
    private readonly weights: ReadonlyMap<string, Tensor>,
    private readonly factors: ReadonlyMap<number, Tensor>,
    private readonly range: number,
  ) {
    this.reads = topology.steps.map((_, index) => topology.steps.filter((step) => step.inputs.includes(index)).length);
    this.cost = topology.steps.map((step) => (step.op === 'convolution' ? (weights.get(step.kernel)?.size ?? 0) : 0));
    this.totalCost = this.cost.reduce((sum, cost) => sum + cost, 0);
  }

  /** Reads the files while the backend starts, then hands the weights over to it. */
  static async load(choice: ModelChoice): Promise<UpscaleModel> {
    const [{ topology, weights: arrays }] = await Promise.all([readModelFiles(choice.folder), startWasmBackend()]);
    if (topology.scale !== choice.scale) {
      throw new PipelineFailure(
        'MODEL_CORRUPT',
        `The model in ${choice.folder} enlarges ${topology.scale} times, but the pipeline says ${choice.scale}: correct --model or --scale in its pipeline.json.`,
      );
    }
    const weights = new Map<string, Tensor>();
    const factors = new Map<number, Tensor>();
    for (const step of topology.steps) {
      if (step.op === 'multiply' && !factors.has(step.factor)) factors.set(step.factor, scalar(step.factor));
      if (step.op !== 'convolution') continue;
      for (const name of [step.kernel, step.bias]) {
        const array = arrays.get(name);
        if (!array) throw new PipelineFailure('MODEL_CORRUPT', `The model in ${choice.folder} lacks the weight ${name}: install it again.`);
        weights.set(name, tensor(array.values, array.shape, 'float32'));
      }
    }
    return new UpscaleModel(topology, weights, factors, choice.range);
  }

  get scale(): number {
    return this.topology.scale;
  }

  /** How far away, in input pixels, a pixel can still sway the answer. */
  get receptiveRadius(): number {
    return this.topology.receptiveRadius;
  }

  /** Enlarges one tile whole. `onPart` hears how much of the work is done (0–1), some ten times a second at most. */
  async upscale(tile: RgbPixels, signal: AbortSignal, onPart: (fraction: number) => void = () => undefined): Promise<RgbPixels> {
    const { steps } = this.topology;
    const live = new Map<number, Tensor4D>();
    const unread = [...this.reads];
    let done = 0;
    let resumed = performance.now();
    try {
      for (const [index, step] of steps.entries()) {
        const inputs = step.inputs.map((input) => live.get(input)).filter((input) => input !== undefined);
        live.set(index, step.op === 'input' ? this.inputOf(tile) : this.compute(step, inputs));
        for (const input of step.inputs) {
          unread[input] = (unread[input] ?? 0) - 1;
          if (unread[input] === 0) release(live, input);
        }
        done += this.cost[index] ?? 0;
        if (performance.now() - resumed > YIELD_EVERY_MS) {
          onPart(done / this.totalCost);
          // Inference is synchronous: without this pause a signal would wait for the end of the tile.
          await setImmediate();
          signal.throwIfAborted();
          resumed = performance.now();
        }
      }
      const answer = live.get(steps.length - 1);
      if (answer?.shape[3] !== 3) throw new PipelineFailure('MODEL_CORRUPT', 'The model does not answer with three channels.');
      return { width: answer.shape[2], height: answer.shape[1], data: toBytes(answer.dataSync<'float32'>(), 255 / this.range) };
    } finally {
      for (const index of [...live.keys()]) release(live, index);
    }
  }

  /**
   * Runs every operation once on next to nothing. The backend then has its convolutions set up (it packs the weights
   * of each at first use) and the engine has optimised the kernels, so that a server's first task is nearly as fast as later ones.
   */
  async warmUp(signal: AbortSignal): Promise<void> {
    await this.upscale({ width: WARM_UP_SIDE, height: WARM_UP_SIDE, data: new Uint8Array(WARM_UP_SIDE ** 2 * 3) }, signal);
  }

  /** Gives the weights back. */
  dispose(): void {
    for (const weight of [...this.weights.values(), ...this.factors.values()]) weight.dispose();
  }

  private inputOf(tile: RgbPixels): Tensor4D {
    const values = Float32Array.from(tile.data);
    if (this.range !== 255) for (let i = 0; i < values.length; i++) values[i] = ((values[i] ?? 0) * this.range) / 255;
    return tensor4d(values, [1, tile.height, tile.width, 3]);
  }

  private compute(step: ModelStep, inputs: Tensor4D[]): Tensor4D {
    const [first, second] = inputs;
    if (!first) throw new PipelineFailure('MODEL_CORRUPT', `Step ${step.name} of the model has no input.`);
    switch (step.op) {
      case 'convolution':
        return fused.conv2d({
          x: first,
          filter: this.weight(step.kernel) as Tensor4D,
          bias: this.weight(step.bias),
          strides: 1,
          pad: 'same',
          activation: step.relu ? 'relu' : 'linear',
        });
      case 'relu':
        return relu(first);
      case 'concatenate':
        return concat(inputs, 3);
      case 'add':
        if (inputs.length !== 2 || !second) throw new PipelineFailure('MODEL_CORRUPT', `Step ${step.name} adds ${inputs.length} tensors, not 2.`);
        return add(first, second);
      case 'multiply':
        return mul(first, this.factors.get(step.factor) ?? step.factor);
      case 'repeat-pixels':
        return image.resizeNearestNeighbor(first, [first.shape[1] * step.factor, first.shape[2] * step.factor]);
      case 'depth-to-space':
        return depthToSpace(first, step.factor, 'NHWC');
      case 'input':
        return first;
    }
  }

  private weight(name: string): Tensor {
    const weight = this.weights.get(name);
    if (!weight) throw new PipelineFailure('MODEL_CORRUPT', `The model lacks the weight ${name}.`);
    return weight;
  }
}

function release(live: Map<number, Tensor4D>, index: number): void {
  live.get(index)?.dispose();
  live.delete(index);
}

/** Rounds and clamps to 0–255. */
function toBytes(values: Float32Array, factor: number): Uint8Array {
  const bytes = new Uint8ClampedArray(values.length);
  for (let i = 0; i < values.length; i++) bytes[i] = (values[i] ?? 0) * factor;
  return new Uint8Array(bytes.buffer);
}
