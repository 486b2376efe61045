import { AbsenceWatch } from './absence-watch.js';

const watch = (): AbsenceWatch => new AbsenceWatch({ lastsMs: 3000, mostBetweenLooksMs: 2500 });

describe('AbsenceWatch', () => {
  it.each<[string, (readonly [number, readonly string[]])[], string[]]>([
    ['nothing at the first look', [[0, ['a']]], []],
    ['what was missing in every look for the while', [[0, ['a']], [1000, ['a']], [2000, ['a']], [3000, ['a']]], ['a']],
    ['nothing a little earlier', [[0, ['a']], [1000, ['a']], [2999, ['a']]], []],
    ['nothing that was there in between', [[0, ['a']], [1000, []], [2000, ['a']], [3500, ['a']]], []],
    ['each by its own time', [[0, ['a']], [1500, ['a', 'b']], [3000, ['a', 'b']]], ['a']],
    ['nothing after a time without looks, since an owner may not have spoken again', [[0, ['a']], [1000, ['a']], [9000, ['a']]], []],
    ['what goes on missing after such a time', [[0, ['a']], [9000, ['a']], [10_500, ['a']], [12_000, ['a']]], ['a']],
  ])('believes gone: %s', (_, looks, gone) => {
    const absences = watch();
    let last: string[] = [];
    for (const [now, missing] of looks) last = absences.look(missing, now);
    expect(last).toEqual(gone);
    for (const name of ['a', 'b']) expect(absences.isGone(name)).toBe(gone.includes(name));
  });
});
