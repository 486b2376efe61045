import type { FaultRecord } from '../faults/fault-record.js';
import { mayBeForgotten } from './excuses.js';

const fault = (kind: FaultRecord['kind'], struckAt: number, healedAt: number): FaultRecord => ({ kind, struckAt, healedAt, target: 'redis', effect: { proof: 'seen' } }) as FaultRecord;
const KILL = fault('redis-killed', 100_000, 101_000);

describe('what a killed Redis may forget', () => {
  it.each<[string, readonly FaultRecord[], number, boolean]>([
    ['what it was told in its last two seconds', [KILL], 98_500, true],
    ['nothing that was told before', [KILL], 97_500, false],
    ['what it was told just before it was frozen, where it was killed as it came to itself', [fault('redis-frozen', 94_000, 99_800), KILL], 93_000, true],
    ['nothing from well before that', [fault('redis-frozen', 94_000, 99_800), KILL], 91_000, false],
    ['nothing more for a freeze that was long over', [fault('redis-frozen', 80_000, 85_000), KILL], 97_500, false],
    ['nothing where no Redis was killed', [fault('redis-frozen', 94_000, 99_800)], 99_000, false],
  ])('%s', (_, faults, at, expected) => expect(mayBeForgotten(faults, at)).toBe(expected));
});
