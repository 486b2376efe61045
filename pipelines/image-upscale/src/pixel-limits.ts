/**
 * Most pixels of an input. Decoded, they and their copy parted into colours and alpha take 8 bytes each: 320 MB.
 */
export const MAX_INPUT_PIXELS = 40_000_000;

/**
 * Most pixels of a model's answer, which is held in memory whole: 480 MB of colours, and 160 MB more for alpha. With
 * the input and a tile's tensors that stays below the 2 GiB in pipeline.json (measured: README.md).
 */
export const MAX_ANSWER_PIXELS = 160_000_000;

/** Most input pixels a model of this factor takes. */
export function maxInputPixels(modelScale: number): number {
  return Math.min(MAX_INPUT_PIXELS, MAX_ANSWER_PIXELS / modelScale ** 2);
}
