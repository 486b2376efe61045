import fc from 'fast-check';
import { LineSplitter, MAX_LINE_BYTES } from './line-splitter.js';

function split(chunks: readonly Buffer[], maxLength?: number): [string, boolean][] {
  const lines: [string, boolean][] = [];
  const splitter = new LineSplitter((line, cut) => lines.push([line, cut]), maxLength);
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe('LineSplitter', () => {
  it.each<[string, string, string[]]>([
    ['lines', 'a\nb\n', ['a', 'b']],
    ['a last line without an end', 'a\nb', ['a', 'b']],
    ['CRLF', 'a\r\nb\r\n', ['a', 'b']],
    ['a carriage return inside', 'a\rb\n', ['a\rb']],
    ['empty lines', '\n\na\n', ['', '', 'a']],
    ['nothing', '', []],
  ])('splits %s', (_, text, expected) => {
    expect(split([Buffer.from(text)])).toEqual(expected.map((line) => [line, false]));
  });

  it('puts characters together that are cut at any byte', () => {
    const bytes = Buffer.from('né\r\n漢字 🎬\n€');
    for (let first = 0; first <= bytes.length; first += 1) {
      for (let second = first; second <= bytes.length; second += 1) {
        expect(split([bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)])).toEqual([['né', false], ['漢字 🎬', false], ['€', false]]);
      }
    }
  });

  it('gives the same whatever the chunks', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.array(fc.nat(20), { maxLength: 30 }), (bytes, sizes) => {
      const whole = Buffer.from(bytes);
      const chunks: Buffer[] = [];
      let at = 0;
      for (const size of sizes) chunks.push(whole.subarray(at, (at += size)));
      chunks.push(whole.subarray(at));
      expect(split(chunks, 16)).toEqual(split([whole], 16));
    }));
  });

  it('replaces what is no UTF-8', () => {
    expect(split([Buffer.from([0x61, 0xff, 0xfe, 0x62, 0x0a, 0xe2, 0x82])])).toEqual([['a\ufffd\ufffdb', false], ['\ufffd', false]]);
  });

  it('cuts a line beyond the limit, once, and goes on with the next', () => {
    expect(split([Buffer.from('123456789\nabc\n12345678\n')], 8)).toEqual([['12345678', true], ['abc', false], ['12345678', false]]);
  });

  it('cuts an overlong last line too, and says it once', () => {
    expect(split(Array.from({ length: 50 }, () => Buffer.from('xxxx')), 8)).toEqual([['xxxxxxxx', true]]);
  });

  it('holds no more than the limit of a line that never ends', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    for (let mebibyte = 0; mebibyte < 64; mebibyte += 1) splitter.push(chunk);
    expect(lines.map((line) => line.length)).toEqual([MAX_LINE_BYTES]);
    splitter.push(Buffer.from('\nnext\n'));
    expect(lines.at(-1)).toBe('next');
  });
});
