/** A rectangle in pixels; right and bottom edges are exclusive. */
export interface Rect {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** One tile: the model sees `window`, and only its part `core` is kept. All in input pixels. */
export interface Tile {
  readonly core: Rect;
  readonly window: Rect;
}

/** What bounds a plan, in input pixels. */
export interface TileLimits {
  /** Longest side of a core. */
  readonly core: number;
  /** How far a window reaches beyond its core, where the picture goes on. */
  readonly overlap: number;
}

/**
 * Cuts a picture into cores that cover it exactly once, row by row, all of nearly the same size, so that no thin
 * rest costs a whole window. Windows end at the picture's edge: there the model's own zero padding applies, as it
 * would if it saw the whole picture, which is what makes a tiled result equal an untiled one.
 */
export function planTiles(width: number, height: number, limits: TileLimits): readonly Tile[] {
  const columns = cut(width, limits);
  const rows = cut(height, limits);
  return rows.flatMap((row) =>
    columns.map((column) => ({ core: rectOf(column.core, row.core), window: rectOf(column.window, row.window) })),
  );
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function cut(length: number, { core, overlap }: TileLimits): { core: Span; window: Span }[] {
  const count = Math.ceil(length / core);
  return Array.from({ length: count }, (_, index) => {
    const start = Math.floor((index * length) / count);
    const end = Math.floor(((index + 1) * length) / count);
    return {
      core: { start, end },
      window: { start: Math.max(0, start - overlap), end: Math.min(length, end + overlap) },
    };
  });
}

function rectOf(x: Span, y: Span): Rect {
  return { left: x.start, top: y.start, width: x.end - x.start, height: y.end - y.start };
}
