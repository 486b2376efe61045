import { describe, expect, it } from '@jest/globals';
import { planTiles } from './tile-plan.js';

describe('planTiles', () => {
  it.each([
    { name: 'one pixel', width: 1, height: 1, core: 192, overlap: 12, tiles: 1 },
    { name: 'a single tile', width: 192, height: 192, core: 192, overlap: 12, tiles: 1 },
    { name: 'one pixel more than a tile', width: 193, height: 192, core: 192, overlap: 12, tiles: 2 },
    { name: 'a line', width: 1000, height: 1, core: 192, overlap: 12, tiles: 6 },
    { name: 'odd sizes', width: 577, height: 385, core: 192, overlap: 12, tiles: 12 },
    { name: 'an overlap wider than the picture', width: 20, height: 30, core: 16, overlap: 100, tiles: 4 },
    { name: 'no overlap', width: 64, height: 64, core: 32, overlap: 0, tiles: 4 },
  ])('covers every pixel once: $name', ({ width, height, core, overlap, tiles }) => {
    const plan = planTiles(width, height, { core, overlap });
    const covered = new Uint8Array(width * height);
    for (const tile of plan) {
      for (let y = tile.core.top; y < tile.core.top + tile.core.height; y++) {
        for (let x = tile.core.left; x < tile.core.left + tile.core.width; x++) covered[y * width + x] = (covered[y * width + x] ?? 0) + 1;
      }
      expect(Math.max(tile.core.width, tile.core.height)).toBeLessThanOrEqual(core);
      expect(Math.max(tile.window.width, tile.window.height)).toBeLessThanOrEqual(core + 2 * overlap);
      expect(tile.window).toEqual(expectedWindow(tile.core, overlap, width, height));
    }
    expect(covered.every((times) => times === 1)).toBe(true);
    expect(plan).toHaveLength(tiles);
  });

  it('makes tiles of nearly the same size instead of a thin rest', () => {
    const widths = planTiles(1000, 1, { core: 192, overlap: 0 }).map((tile) => tile.core.width);
    expect(Math.max(...widths) - Math.min(...widths)).toBeLessThanOrEqual(1);
  });
});

function expectedWindow(core: { left: number; top: number; width: number; height: number }, overlap: number, width: number, height: number) {
  const left = Math.max(0, core.left - overlap);
  const top = Math.max(0, core.top - overlap);
  return {
    left,
    top,
    width: Math.min(width, core.left + core.width + overlap) - left,
    height: Math.min(height, core.top + core.height + overlap) - top,
  };
}
