import { allowsGrace } from './allows-grace.js';
import type { StopReason } from './stop-reason.js';

describe('allowsGrace', () => {
  it.each<[StopReason, boolean]>([
    [{ kind: 'cancel', reason: 'cancelled' }, true],
    [{ kind: 'timeout', seconds: 3 }, true],
    [{ kind: 'drain' }, true],
    [{ kind: 'drain', atOnce: true }, false],
    [{ kind: 'lease-lost' }, false],
    [{ kind: 'blocked' }, false],
    [{ kind: 'superseded' }, false],
  ])('%j: %s', (reason, allowed) => expect(allowsGrace(reason)).toBe(allowed));
});
