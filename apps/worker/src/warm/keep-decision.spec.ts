import { decideKeep, type KeepDecision, type KeepFacts } from './keep-decision.js';

const MIB = 1024 ** 2;
const facts = (changes: Partial<KeepFacts> = {}): KeepFacts => ({ unfit: undefined, memory: { now: 100 * MIB, atFirst: 100 * MIB }, room: { most: 2, now: 1 }, pinned: false, othersIdle: false, ...changes });
const KEPT: KeepDecision = { keep: true, evictLongestIdle: false };

describe('decideKeep', () => {
  it.each<[string, Partial<KeepFacts>, KeepDecision]>([
    ['a fit one where there is room', {}, KEPT],
    ['the last one that there is room for', { room: { most: 2, now: 2 } }, KEPT],
    ['one too many, where another is idle: that one goes', { room: { most: 2, now: 3 }, othersIdle: true }, { keep: true, evictLongestIdle: true }],
    ['one with room, whoever is idle: none has to go', { room: { most: 2, now: 2 }, othersIdle: true }, KEPT],
    ['one too many, where all others are at work', { room: { most: 2, now: 3 } }, { keep: false, why: 'the pool is full' }],
    ['one too many that is always to be kept, where another is idle: that one goes', { room: { most: 2, now: 3 }, pinned: true, othersIdle: true }, { keep: true, evictLongestIdle: true }],
    ['one too many that is always to be kept: what is at work goes later', { room: { most: 2, now: 3 }, pinned: true }, KEPT],
    ['one that is always to be kept and is unfit', { unfit: 'it was stopped', pinned: true }, { keep: false, why: 'it was stopped' }],
    ['one that is always to be kept and grows', { memory: { now: 999 * MIB, atFirst: 100 * MIB }, pinned: true }, { keep: false, why: 'its memory grew from 100 MiB to 999 MiB' }],
    ['any, where none is kept', { room: { most: 0, now: 1 } }, { keep: false, why: 'none is kept' }],
    ['any, where none is kept, and others idle all the same', { room: { most: 0, now: 2 }, othersIdle: true }, { keep: false, why: 'none is kept' }],
    ['an unfit one, with all the room there is', { unfit: 'it was stopped' }, { keep: false, why: 'it was stopped' }],
    ['an unfit one for its own reason, before any other', { unfit: 'it was stopped', room: { most: 0, now: 9 }, memory: { now: 9999 * MIB, atFirst: MIB } }, { keep: false, why: 'it was stopped' }],
    ['one whose memory has grown to the limit of growth', { memory: { now: 456 * MIB, atFirst: 100 * MIB } }, KEPT],
    ['one whose memory has grown beyond', { memory: { now: 456 * MIB + 1, atFirst: 100 * MIB } }, { keep: false, why: 'its memory grew from 100 MiB to 456 MiB' }],
    ['a small one whose memory has grown tenfold: caches do', { memory: { now: 250 * MIB, atFirst: 25 * MIB } }, KEPT],
    ['one whose memory has shrunk', { memory: { now: MIB, atFirst: 100 * MIB } }, KEPT],
    ['one that cannot be measured', { memory: { now: undefined, atFirst: undefined } }, KEPT],
    ['one that cannot be measured now', { memory: { now: undefined, atFirst: MIB } }, KEPT],
    ['one that could not be measured at first', { memory: { now: 9999 * MIB, atFirst: undefined } }, KEPT],
  ])('%s', (_, changes, expected) => expect(decideKeep(facts(changes))).toEqual(expected));
});
