// @ts-check

const WIDTH = 24;

/**
 * One line of a progress display: a bar, the percentage, and what is being done.
 * @param {number} progress 0–100
 * @param {string} step
 */
export function progressLine(progress, step) {
  const filled = Math.round((Math.min(100, Math.max(0, progress)) / 100) * WIDTH);
  return `  ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${String(Math.floor(progress)).padStart(3)} %  ${step}`;
}
