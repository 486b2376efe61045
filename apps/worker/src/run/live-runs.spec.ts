import { LiveRuns } from './live-runs.js';
import { stopReason } from './stop-reason.js';

describe('LiveRuns', () => {
  it('stops one run, and the first reason counts', () => {
    const live = new LiveRuns();
    const [one, other] = [live.open('one'), live.open('other')];
    live.stop('one', { kind: 'timeout', seconds: 3 });
    live.stop('one', { kind: 'drain' });
    live.stop('nobody', { kind: 'drain' });
    expect(stopReason(one.signal)).toEqual({ kind: 'timeout', seconds: 3 });
    expect([one.atOnce.aborted, other.signal.aborted]).toEqual([false, false]);
    expect(live.count).toBe(2);
  });

  it('stops all, and forgets what was closed', () => {
    const live = new LiveRuns();
    const [one, other] = [live.open('one'), live.open('other')];
    live.close('one');
    live.stopAll({ kind: 'drain' });
    expect([one.signal.aborted, other.signal.aborted, live.has('one'), live.has('other')]).toEqual([false, true, false, true]);
  });

  it('takes the grace away where a later reason allows none', () => {
    const live = new LiveRuns();
    const { signal, atOnce } = live.open('one');
    live.stop('one', { kind: 'cancel', reason: 'cancelled' });
    live.stop('one', { kind: 'superseded' });
    expect([stopReason(signal).kind, atOnce.aborted]).toEqual(['cancel', true]);
  });

  it('knows a foreign abort', () => {
    expect(() => stopReason(AbortSignal.abort())).toThrow(TypeError);
  });
});
