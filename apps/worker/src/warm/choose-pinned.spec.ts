import { choosePinned } from './choose-pinned.js';

const idle = (name: string, pipelineId: string, idleAt: number): { name: string; pipelineId: string; idleAt: number } => ({ name, pipelineId, idleAt });
const IDLE = [idle('a1', 'a', 1), idle('a3', 'a', 3), idle('b9', 'b', 9), idle('a2', 'a', 2)];

describe('choosePinned', () => {
  it.each<[string, Record<string, number>, string[]]>([
    ['none where nothing is wanted', {}, []],
    ['none where zero is wanted', { a: 0 }, []],
    ['the one used last', { a: 1 }, ['a3']],
    ['the two used last', { a: 2 }, ['a3', 'a2']],
    ['all where more are wanted than there are', { a: 9 }, ['a3', 'a2', 'a1']],
    ['of each pipeline its own', { b: 1, a: 1 }, ['b9', 'a3']],
    ['none of a pipeline that has none', { c: 1 }, []],
  ])('%s', (_, minimum, names) => expect([...choosePinned(IDLE, minimum)].map(({ name }) => name)).toEqual(names));
});
