import { parseGpuInventory } from './gpu-inventory.js';

describe('parseGpuInventory', () => {
  it.each<[string, unknown]>([
    ['auto', { source: 'auto' }],
    ['none', { source: 'none' }],
    ['[]', { source: 'declared', devices: [] }],
    ['[{"uuid":"GPU-1a","name":"NVIDIA L4","vram_gib":24}]', { source: 'declared', devices: [{ uuid: 'GPU-1a', name: 'NVIDIA L4', vram_gib: 24 }] }],
  ])('reads %s', (text, value) => {
    expect(parseGpuInventory(text)).toEqual({ ok: true, value });
  });

  it.each<[string, RegExp]>([
    ['all', /^auto, none, or a JSON list/],
    ['{"uuid":"a"}', /a JSON list/],
    ['[{"uuid":"a b","name":"x","vram_gib":1}]', /\[0\]\.uuid: must be a device’s uuid/],
    ['[{"uuid":"a","name":"x","vram_gib":1},{"uuid":"b","name":"x","vram_gib":-1}]', /\[1\]\.vram_gib/],
    ['[{"uuid":"a","name":"x","vram_gib":"24"}]', /\[0\]\.vram_gib/],
    ['[{"uuid":"a","name":"x","vram_gib":1,"vram":2}]', /\[0\]\.vram: property vram should not exist|\[0\]\.vram/],
    ['[null]', /\[0\]/],
    ['[{"uuid":"a","name":"x","vram_gib":1},{"uuid":"b","name":"x","vram_gib":1},{"uuid":"a","name":"y","vram_gib":2}]', /\[2\]\.uuid: a is in the list already/],
  ])('refuses %s and says where', (text, expected) => {
    const parsed = parseGpuInventory(text);
    expect(parsed.ok).toBe(false);
    expect(parsed.ok ? '' : parsed.expected).toMatch(expected);
  });
});
