import { expect, it } from '@jest/globals';
import { bleedColour } from './colour-bleed.js';

it('carries colour into transparent pixels, and leaves visible and far ones alone', () => {
  const width = 20;
  const alpha = new Uint8Array(width);
  const rgb = new Uint8Array(width * 3);
  alpha[0] = 1;
  rgb.set([200, 100, 50], 0);
  bleedColour(rgb, alpha, width, 1);
  expect([...rgb.subarray(0, 3)]).toEqual([200, 100, 50]);
  expect([...rgb.subarray(8 * 3, 8 * 3 + 3)]).toEqual([200, 100, 50]);
  expect([...rgb.subarray(9 * 3, 9 * 3 + 3)]).toEqual([0, 0, 0]);
});

it('mixes what touches', () => {
  const rgb = Uint8Array.from([100, 0, 0, 0, 0, 0, 200, 0, 0]);
  bleedColour(rgb, Uint8Array.from([255, 0, 255]), 3, 1);
  expect(rgb[3]).toBe(150);
});

it('leaves a picture with nothing to see as it is', () => {
  const rgb = new Uint8Array(12).fill(7);
  bleedColour(rgb, new Uint8Array(4), 2, 2);
  expect([...rgb]).toEqual(Array(12).fill(7));
});
