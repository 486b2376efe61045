import { describe, expect, it } from '@jest/globals';
import { progressLine } from './sample-progress.mjs';

describe('progressLine', () => {
  it.each([
    [0, 'queued', `  ${'░'.repeat(24)}   0 %  queued`],
    [50, 'tile 1 of 2', `  ${'█'.repeat(12)}${'░'.repeat(12)}  50 %  tile 1 of 2`],
    [100, 'done', `  ${'█'.repeat(24)} 100 %  done`],
  ])('shows %d %%', (progress, step, line) => {
    expect(progressLine(progress, step)).toBe(line);
  });
});
