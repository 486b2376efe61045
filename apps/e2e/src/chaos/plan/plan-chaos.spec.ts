import { ALL_FAULT_KINDS, traitsOf } from './fault-kinds.js';
import { planChaos } from './plan-chaos.js';

describe('planChaos', () => {
  it('is the same for the same seed, and another for another', () => {
    expect(planChaos(7, 2)).toEqual(planChaos(7, 2));
    expect(planChaos(7, 2).faults).not.toEqual(planChaos(8, 2).faults);
  });

  it.each([1, 2, 3, 4, 5])('strikes every 1 to 5 s, within its time (seed %i)', (seed) => {
    const { faults, durationMs } = planChaos(seed, 3);
    const pauses = faults.slice(1).map(({ atMs }, index) => atMs - (faults[index]?.atMs ?? 0));
    expect(pauses.every((pause) => pause >= 1000 && pause <= 5000)).toBe(true);
    expect(faults.every(({ atMs }) => atMs > 0 && atMs < durationMs)).toBe(true);
    expect(faults.length).toBeGreaterThan(36);
  });

  it.each([1, 2, 3, 4, 5])('has each kind once before any comes again (seed %i)', (seed) => {
    const kinds = planChaos(seed, 3).faults.map(({ kind }) => kind);
    expect(new Set(kinds.slice(0, ALL_FAULT_KINDS.length)).size).toBe(ALL_FAULT_KINDS.length);
  });

  it('lets each last as long as its kind may', () => {
    for (const { kind, lastsMs } of planChaos(3, 10).faults) {
      const [shortest, longest] = traitsOf(kind).lastsMs ?? [0, 0];
      expect(lastsMs >= shortest && lastsMs <= longest).toBe(true);
    }
  });

  it('takes only the kinds asked for', () => {
    expect(new Set(planChaos(1, 1, ['api-killed', 'redis-full']).faults.map(({ kind }) => kind))).toEqual(new Set(['api-killed', 'redis-full']));
  });

  it('gives seeds live-restore in turn', () => {
    expect([1, 2, 3, 4].map((seed) => planChaos(seed, 1).liveRestore)).toEqual([false, true, false, true]);
  });

  it('refuses a run of nothing', () => {
    expect(() => planChaos(1, 1, [])).toThrow(RangeError);
    expect(() => planChaos(1, 0)).toThrow(RangeError);
  });
});
