import { PipelineFailure } from './pipeline-failure.js';

/** One operation of a model. `inputs` are indices of earlier steps; convolutions name their weights. */
export type ModelStep = { readonly name: string; readonly inputs: readonly number[] } & (
  | { readonly op: 'input' }
  | { readonly op: 'convolution'; readonly kernel: string; readonly bias: string; readonly size: number; readonly relu: boolean }
  | { readonly op: 'relu' }
  | { readonly op: 'concatenate' }
  | { readonly op: 'add' }
  | { readonly op: 'multiply'; readonly factor: number }
  | { readonly op: 'repeat-pixels'; readonly factor: number }
  | { readonly op: 'depth-to-space'; readonly factor: number }
);

/** A model as a list of steps in the order of running; the last one is the answer. */
export interface ModelTopology {
  readonly steps: readonly ModelStep[];
  /** Output pixels per input pixel, along one side. */
  readonly scale: number;
  /** How far away, in input pixels, a pixel can still sway the answer. */
  readonly receptiveRadius: number;
}

interface Layer {
  readonly class_name: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly inbound_nodes: readonly (readonly (readonly [string, number, number, unknown])[])[];
}

/**
 * Reads the Keras graph inside a tfjs layers model. Only what the ESRGAN family uses is known, and anything else is
 * refused by name: running these few operations ourselves (rather than through tfjs-layers) lets a task be cancelled
 * and report progress in the middle of a tile, and spares building and initialising some 500 layer objects at start.
 */
export function readTopology(modelTopology: unknown): ModelTopology {
  const layers = layersOf(modelTopology);
  const uses = countUses(layers);
  const steps: ModelStep[] = [];
  /** Layer name to the index of the step whose output it is. */
  const produced = new Map<string, number>();

  for (const layer of layers) {
    const inputs = (layer.inbound_nodes[0] ?? []).map(([name]) => {
      const index = produced.get(name);
      if (index === undefined) throw corrupt(`layer ${layer.name} uses ${name} before it exists`);
      return index;
    });
    const only = inputs[0];
    const source = only === undefined ? undefined : steps[only];
    if (layer.class_name === 'Activation' && only !== undefined && source?.op === 'convolution' && uses.get(source.name) === 1) {
      // Nobody else reads the convolution, so the kernel can clamp while it writes: one pass over memory less.
      steps[only] = { ...source, relu: isRelu(layer) };
      produced.set(layer.name, only);
      continue;
    }
    produced.set(layer.name, steps.push({ name: layer.name, inputs, ...operationOf(layer) }) - 1);
  }
  return { steps, ...geometryOf(steps) };
}

type Operation = ModelStep extends infer S ? (S extends ModelStep ? Omit<S, 'name' | 'inputs'> : never) : never;

function operationOf(layer: Layer): Operation {
  const { config } = layer;
  const shuffle = /^PixelShuffle(\d+)x$/.exec(layer.class_name);
  if (shuffle) return { op: 'depth-to-space', factor: Number(shuffle[1]) };
  switch (layer.class_name) {
    case 'InputLayer':
      return { op: 'input' };
    case 'Conv2D': {
      const [size, sizeX] = pairOf(config['kernel_size']);
      const plain =
        size === sizeX && pairOf(config['strides']).every(isOne) && pairOf(config['dilation_rate']).every(isOne) &&
        (config['padding'] === 'same' || size === 1) && config['activation'] === 'linear' && config['use_bias'] === true;
      if (!plain) throw corrupt(`convolution ${layer.name} is of a kind this pipeline does not know`);
      return { op: 'convolution', kernel: `${layer.name}/kernel`, bias: `${layer.name}/bias`, size, relu: false };
    }
    case 'Activation':
      isRelu(layer);
      return { op: 'relu' };
    case 'Concatenate':
      return { op: 'concatenate' };
    case 'Add':
      return { op: 'add' };
    case 'MultiplyBeta':
      // The layer's author fixes 0.2 in code; the graph only repeats it.
      return { op: 'multiply', factor: 0.2 };
    case 'UpSampling2D':
      if (config['interpolation'] !== 'nearest') throw corrupt(`${layer.name} interpolates by ${String(config['interpolation'])}`);
      return { op: 'repeat-pixels', factor: pairOf(config['size'])[0] };
    default:
      throw corrupt(`layer ${layer.name} has the unknown class ${layer.class_name}`);
  }
}

function geometryOf(steps: readonly ModelStep[]): { scale: number; receptiveRadius: number } {
  const reach: { scale: number; radius: number }[] = [];
  for (const step of steps) {
    const sources = step.inputs.map((index) => reach[index] ?? { scale: 1, radius: 0 });
    let scale = Math.max(1, ...sources.map((source) => source.scale));
    let radius = Math.max(0, ...sources.map((source) => source.radius));
    if (step.op === 'convolution') radius += (step.size - 1) / 2 / scale;
    if (step.op === 'repeat-pixels' || step.op === 'depth-to-space') scale *= step.factor;
    reach.push({ scale, radius });
  }
  const last = reach.at(-1);
  if (!last) throw corrupt('the graph is empty');
  return { scale: last.scale, receptiveRadius: Math.ceil(last.radius) };
}

function countUses(layers: readonly Layer[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const layer of layers) {
    for (const [name] of layer.inbound_nodes[0] ?? []) uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  return uses;
}

function layersOf(modelTopology: unknown): readonly Layer[] {
  const layers = property(property(property(modelTopology, 'model_config'), 'config'), 'layers');
  if (!Array.isArray(layers) || !layers.every(isLayer)) throw corrupt('it holds no list of layers');
  return layers;
}

function isLayer(value: unknown): value is Layer {
  return (
    typeof property(value, 'class_name') === 'string' && typeof property(value, 'name') === 'string' &&
    typeof property(value, 'config') === 'object' && Array.isArray(property(value, 'inbound_nodes'))
  );
}

function isRelu(layer: Layer): true {
  if (layer.config['activation'] !== 'relu') throw corrupt(`${layer.name} activates by ${String(layer.config['activation'])}`);
  return true;
}

function pairOf(value: unknown): readonly [number, number] {
  const [first, second] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  if (typeof first !== 'number' || typeof second !== 'number') throw corrupt('a pair of numbers is missing');
  return [first, second];
}

function isOne(value: number): boolean {
  return value === 1;
}

function property(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function corrupt(what: string): PipelineFailure {
  return new PipelineFailure('MODEL_CORRUPT', `The model's topology.json cannot be used: ${what}. Install the model again.`);
}
