// @ts-check
// Plain tables for the terminal. Pure.

/**
 * What a figure should be at most or at least; undefined where there is only something to know.
 * @typedef {{ atMost: number } | { atLeast: number }} Aim
 */

/** @param {number} value @param {Aim} aim */
export const meets = (value, aim) => ('atMost' in aim ? value <= aim.atMost : value >= aim.atLeast);

/**
 * @param {number} value
 * @param {Aim} aim
 * @param {string} [unit]
 */
export function aimText(value, aim, unit = '') {
  const bound = 'atMost' in aim ? `<= ${aim.atMost}` : `>= ${aim.atLeast}`;
  return `aim ${bound}${unit && ` ${unit}`}: ${meets(value, aim) ? 'met' : 'MISSED'}`;
}

/**
 * Aligns columns: the first and the last to the left, figures to the right.
 * @param {readonly (readonly string[])[]} rows the first one is the head
 * @returns {string[]}
 */
export function tableLines(rows) {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    widths
      .map((width, column) => (column === 0 || column === columns - 1 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width)))
      .join('  ')
      .trimEnd(),
  );
  const rule = '-'.repeat(Math.max(...lines.map((line) => line.length)));
  return [lines[0] ?? '', rule, ...lines.slice(1)];
}
