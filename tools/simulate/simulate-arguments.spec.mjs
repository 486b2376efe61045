// @ts-check
import { describe, expect, test } from '@jest/globals';
import { parseSimulateArguments } from './simulate-arguments.mjs';
import { POLICIES } from './simulation-policies.mjs';

const all = { traces: [], policies: POLICIES, writeDocs: false, help: false };

describe('parseSimulateArguments', () => {
  test.each([
    [[], all],
    [['--trace', 'a.json', '--trace=b.json'], { ...all, traces: ['a.json', 'b.json'] }],
    [['--policy', 'fifo'], { ...all, policies: ['fifo'] }],
    [['--policy', 'first-fit', '--policy=ours', '--policy', 'ours'], { ...all, policies: ['ours', 'first-fit'] }],
    [['--policy', 'all', '--json', 'out.json'], { ...all, jsonFile: 'out.json' }],
    [['--write-docs'], { ...all, writeDocs: true }],
    [['-h'], { ...all, help: true }],
  ])('%j', (words, expected) => expect(parseSimulateArguments(words)).toEqual(expected));

  test.each([
    [['--policy', 'lifo'], /"lifo"/],
    [['--trace'], /--trace wants a file/],
    [['--trace', '--json'], /--trace wants a file/],
    [['--json='], /"--json="/],
    [['one-box'], /"one-box"/],
    [['--write-docs', '--trace', 'a.json'], /--write-docs/],
    [['--write-docs', '--policy', 'ours'], /--write-docs/],
  ])('%j is refused', (words, message) => expect(() => parseSimulateArguments(words)).toThrow(message));
});
