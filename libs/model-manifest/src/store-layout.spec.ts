import { describe, expect, test } from '@jest/globals';
import { storeLayout } from './store-layout.js';

describe('storeLayout', () => {
  test('is the protocol’s', () => {
    expect(storeLayout.version('image', 'm', '1.0.0')).toBe('image/models/m/1.0.0');
    expect(storeLayout.current('video', 'm')).toBe('video/models/m/current.json');
    expect(storeLayout.pipelines('audio')).toBe('audio/pipelines');
    expect(storeLayout.configs('language')).toBe('language/configs');
  });

  test('puts a pipeline into a file of plain characters', () => {
    expect(storeLayout.pipeline('image', 'image-upscale:1.0-low')).toBe('image/pipelines/image-upscale-1.0-low.json');
  });
});
