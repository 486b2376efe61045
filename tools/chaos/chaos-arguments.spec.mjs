// @ts-check
import { describe, expect, it } from '@jest/globals';
import { parseChaosArguments, usageText } from './chaos-arguments.mjs';

const seven = () => 7;

describe('parseChaosArguments', () => {
  it.each([
    [[], { seed: 7, minutes: 10, faults: [], writeDocs: false, help: false }],
    [['--seed', '42', '--minutes', '1.5'], { seed: 42, minutes: 1.5, faults: [], writeDocs: false, help: false }],
    [['--seed=42', '--faults=api-killed,redis-full', '--json', 'x.json'], { seed: 42, minutes: 10, faults: ['api-killed', 'redis-full'], jsonFile: 'x.json', writeDocs: false, help: false }],
    [['--write-docs', '--help'], { seed: 7, minutes: 10, faults: [], writeDocs: true, help: true }],
  ])('reads %j', (words, expected) => {
    expect(parseChaosArguments(words, seven)).toEqual(expected);
  });

  it.each([[['--seed', 'x']], [['--seed']], [['--minutes', '0']], [['--minutes', '-1']], [['--what']], [['--write-docs', '--faults', 'api-killed']]])('refuses %j', (words) => {
    expect(() => parseChaosArguments(words, seven)).toThrow();
  });
});

it('the usage names the kinds', () => {
  expect(usageText(['api-killed'])).toContain('api-killed');
});
