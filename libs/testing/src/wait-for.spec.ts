import { describe, expect, it } from '@jest/globals';
import { waitFor } from './wait-for.js';

describe('waitFor', () => {
  it('gives what the probe answers at last', async () => {
    let looks = 0;
    expect(await waitFor('a third look', () => (looks += 1) > 2 && `seen after ${looks}`, 1000, 1)).toBe('seen after 3');
  });

  it('takes zero and an empty text for answers', async () => {
    expect(await waitFor('a zero', () => 0)).toBe(0);
    expect(await waitFor('a text', () => '')).toBe('');
  });

  it('says what it waited for, and the last error of the probe', async () => {
    const waiting = waitFor('a miracle', () => Promise.reject(new Error('not today')), 20, 1);
    await expect(waiting).rejects.toThrow('waited 20 ms for a miracle');
    await expect(waiting).rejects.toMatchObject({ cause: new Error('not today') });
  });
});
