import { describe, expect, test } from '@jest/globals';
import { ENVIRONMENT_NAME, IMAGE_REFERENCE, MODEL_ID, NODE_TYPE, PIPELINE_ID } from './grammar.js';

describe('the grammar of names', () => {
  test.each([
    ['PIPELINE_ID', PIPELINE_ID, ['a', 'auteur-flux:1.0-low-vram', `${'x'.repeat(64)}:${'y'.repeat(64)}`], ['', ':a', 'a:', 'a/b', '../a', '.a', 'a b', 'a\n', 'x'.repeat(65)]],
    ['MODEL_ID', MODEL_ID, ['a', 'esrgan-slim-x2', '7b.Q4_K'], ['', '.', '..', 'a/b', '-a', 'a:b', 'a\n']],
    ['NODE_TYPE', NODE_TYPE, ['image_upscale', 'a.b-c'], ['', 'a b', 'a:b', '__proto__', 'a\n']],
    ['ENVIRONMENT_NAME', ENVIRONMENT_NAME, ['A', '_a1'], ['', '1A', 'A-B', 'A=B', 'A B', 'A\n']],
    [
      'IMAGE_REFERENCE', IMAGE_REFERENCE,
      ['a', 'auteur/flux-low:latest', 'registry.example:5000/a/b:1.0', 'localhost/a__b', `a@sha256:${'a'.repeat(64)}`, 'function-runner/image-upscale:1.0'],
      ['', 'A', 'a b', '-a', 'a:', ':a', 'a/', '/a', 'a//b', 'a@sha256:x', 'a:b:c', '--privileged', 'a\n', `a:${'x'.repeat(129)}`, `${'a/'.repeat(200)}a`],
    ],
  ])('%s', (_name, grammar, right, wrong) => {
    for (const text of right) expect([text, grammar.test(text)]).toEqual([text, true]);
    for (const text of wrong) expect([text, grammar.test(text)]).toEqual([text, false]);
  });

  test('an image reference is judged in linear time', () => {
    const started = performance.now();
    for (const text of [`${'a-'.repeat(5000)}!`, `${'a/'.repeat(5000)}!`, `${'a.'.repeat(120)}!`, `${'a'.repeat(250)}!`]) IMAGE_REFERENCE.test(text);
    expect(performance.now() - started).toBeLessThan(200);
  });
});
