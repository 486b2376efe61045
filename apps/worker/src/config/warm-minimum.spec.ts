import { parseWarmMinimum } from './warm-minimum.js';

describe('parseWarmMinimum', () => {
  it.each<[string, unknown]>([['{}', {}], ['{"image-upscale:1.0-low":1,"flux:2":0}', { 'image-upscale:1.0-low': 1, 'flux:2': 0 }]])('reads %s', (text, value) => {
    expect(parseWarmMinimum(text)).toEqual({ ok: true, value });
  });

  it.each<[string, RegExp]>([
    ...['', 'flux', '[]', 'null', '3', '"flux:1"'].map((text): [string, RegExp] => [text, /-low": 1}$/]),
    ['{"flux:1":1,"a b":1}', /; "a b" is no pipeline id$/],
    ['{"__proto__":1}', /; "__proto__" is no pipeline id$/],
    ['{"flux:1":-1}', /; flux:1: must be a whole number from 0 to 1000 \(found -1\)$/],
    ['{"flux:1":1.5}', /found 1\.5/],
    ['{"flux:1":"1"}', /found "1"/],
    ['{"flux:1":1001}', /found 1001/],
  ])('refuses %s, and names what is wrong', (text, expected) => {
    const parsed = parseWarmMinimum(text);
    expect(parsed.ok ? '' : parsed.expected).toMatch(/^a JSON object of pipeline id → /);
    expect(parsed.ok ? '' : parsed.expected).toMatch(expected);
  });
});
