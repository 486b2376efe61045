/**
 * How far colour is carried, in pixels: what lies within the reach of the models' visible influence (see OVERLAP in
 * upscale-image.ts) can tint an edge, the rest never shows.
 */
const REACH = 8;

/**
 * Gives wholly transparent pixels the mean colour of their opaque neighbours, ring by ring, in place. Editors leave
 * black there, and a model that sees colours apart from alpha would draw it into the visible edge as a dark fringe.
 */
export function bleedColour(rgb: Uint8Array, alpha: Uint8Array, width: number, height: number): void {
  /** 1 where a colour may be taken from. */
  const coloured = alpha.map((value) => (value > 0 ? 1 : 0));
  let ring = edgeOf(coloured, width, height);
  for (let step = 0; step < REACH && ring.length > 0; step++) {
    for (const pixel of ring) paintFromNeighbours(rgb, coloured, pixel, width, height);
    for (const pixel of ring) coloured[pixel] = 1;
    const next = new Set<number>();
    for (const pixel of ring) forEachNeighbour(pixel, width, height, (near) => void (coloured[near] === 0 && next.add(near)));
    ring = [...next];
  }
}

/** The pixels without colour that touch one with. */
function edgeOf(coloured: Uint8Array, width: number, height: number): number[] {
  const edge: number[] = [];
  for (let pixel = 0; pixel < coloured.length; pixel++) {
    if (coloured[pixel] !== 0) continue;
    let touches = false;
    forEachNeighbour(pixel, width, height, (near) => void (touches ||= coloured[near] === 1));
    if (touches) edge.push(pixel);
  }
  return edge;
}

function paintFromNeighbours(rgb: Uint8Array, coloured: Uint8Array, pixel: number, width: number, height: number): void {
  let count = 0;
  let red = 0;
  let green = 0;
  let blue = 0;
  forEachNeighbour(pixel, width, height, (near) => {
    if (coloured[near] === 0) return;
    count++;
    red += rgb[near * 3] ?? 0;
    green += rgb[near * 3 + 1] ?? 0;
    blue += rgb[near * 3 + 2] ?? 0;
  });
  rgb.set([red / count, green / count, blue / count], pixel * 3);
}

function forEachNeighbour(pixel: number, width: number, height: number, visit: (near: number) => void): void {
  const x = pixel % width;
  if (x > 0) visit(pixel - 1);
  if (x < width - 1) visit(pixel + 1);
  if (pixel >= width) visit(pixel - width);
  if (pixel < width * (height - 1)) visit(pixel + width);
}
