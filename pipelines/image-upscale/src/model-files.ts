import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PipelineFailure } from './pipeline-failure.js';
import { readTopology, type ModelTopology } from './model-topology.js';

/** A model's graph and its weights, still on the JavaScript side. */
export interface ModelFiles {
  readonly topology: ModelTopology;
  readonly weights: ReadonlyMap<string, WeightArray>;
}

/** One weight: its shape, and a view into the bytes read from disk. */
export interface WeightArray {
  readonly shape: number[];
  readonly values: Float32Array;
}

interface WeightsGroup {
  readonly paths: readonly string[];
  readonly weights: readonly { readonly name: string; readonly shape: number[]; readonly dtype: string; readonly quantization?: unknown }[];
}

/** Reads `topology.json` (a tfjs layers model's model.json) and the shards it names from `folder`. */
export async function readModelFiles(folder: string): Promise<ModelFiles> {
  const text = (await readModelFile(folder, 'topology.json')).toString('utf8');
  let json: { modelTopology?: unknown; weightsManifest?: unknown };
  try {
    json = JSON.parse(text) as typeof json;
  } catch (error) {
    throw new PipelineFailure('MODEL_CORRUPT', `${join(folder, 'topology.json')} is not JSON: install the model again.`, { cause: error });
  }
  const topology = readTopology(json.modelTopology);
  const weights = new Map<string, WeightArray>();
  if (!isManifest(json.weightsManifest)) throw corrupt(folder, 'its weightsManifest is missing');
  for (const group of json.weightsManifest) {
    const shards = await Promise.all(group.paths.map((path) => readModelFile(folder, path)));
    const bytes = joinAligned(shards);
    let offset = 0;
    for (const { name, shape, dtype, quantization } of group.weights) {
      if (dtype !== 'float32' || quantization !== undefined) throw corrupt(folder, `weight ${name} is not plain float32`);
      const length = shape.reduce((product, side) => product * side, 1);
      if (offset + length * 4 > bytes.byteLength) throw corrupt(folder, 'its weight files are shorter than its manifest says');
      weights.set(name, { shape, values: new Float32Array(bytes, offset, length) });
      offset += length * 4;
    }
    if (offset !== bytes.byteLength) throw corrupt(folder, 'its weight files are longer than its manifest says');
  }
  return { topology, weights };
}

async function readModelFile(folder: string, name: string): Promise<Buffer> {
  try {
    return await readFile(join(folder, name));
  } catch (error) {
    throw new PipelineFailure('MODEL_NOT_FOUND', `${join(folder, name)} cannot be read: install the model, then run again.`, { cause: error });
  }
}

/** The shards end to end in a buffer of their own: a Float32Array needs a start that is a multiple of four. */
function joinAligned(shards: readonly Buffer[]): ArrayBuffer {
  const joined = new Uint8Array(shards.reduce((sum, shard) => sum + shard.byteLength, 0));
  let offset = 0;
  for (const shard of shards) {
    joined.set(shard, offset);
    offset += shard.byteLength;
  }
  return joined.buffer;
}

function isManifest(value: unknown): value is readonly WeightsGroup[] {
  return Array.isArray(value) && value.every((group: Partial<WeightsGroup> | null) => Array.isArray(group?.paths) && Array.isArray(group.weights));
}

function corrupt(folder: string, what: string): PipelineFailure {
  return new PipelineFailure('MODEL_CORRUPT', `The model in ${folder} cannot be used: ${what}. Install it again.`);
}
