// @ts-check
import { describe, expect, test } from '@jest/globals';
import { parseBenchArguments } from './bench-arguments.mjs';

describe('parseBenchArguments', () => {
  test.each([
    [[], { benches: ['control', 'cold', 'warm', 'recovery', 'simulate'], help: false }],
    [['control'], { benches: ['control'], help: false }],
    [['cold', 'control', 'cold'], { benches: ['cold', 'control'], help: false }],
    [['control', '--json', 'out.json'], { benches: ['control'], help: false, jsonFile: 'out.json' }],
    [['simulate'], { benches: ['simulate'], help: false }],
    [['warm'], { benches: ['warm'], help: false }],
    [['recovery'], { benches: ['recovery'], help: false }],
    [['--json=out.json'], { benches: ['control', 'cold', 'warm', 'recovery', 'simulate'], help: false, jsonFile: 'out.json' }],
    [['--help'], { benches: ['control', 'cold', 'warm', 'recovery', 'simulate'], help: true }],
  ])('%j', (words, expected) => expect(parseBenchArguments(words)).toEqual(expected));

  test.each([[['chaos']], [['--fast']], [['toString']]])('%j is refused with the list of what exists', (words) => {
    expect(() => parseBenchArguments(words)).toThrow(expect.objectContaining({ mend: expect.stringMatching(/control .*\n.*cold .*\n.*warm .*\n.*recovery .*\n.*simulate /) }));
  });

  test.each([[['--json']], [['--json', '--help']], [['--json=']]])('%j is refused', (words) => expect(() => parseBenchArguments(words)).toThrow());
});
