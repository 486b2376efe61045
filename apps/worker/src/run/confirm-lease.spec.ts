import type { HeldLease } from '../lease/held-lease.js';
import { confirmLease } from './confirm-lease.js';

const LEASE: HeldLease = { id: 'l', amounts: {}, devices: [], taskId: 't', warm: false, renewedAt: 0 };
const answering = (...answers: (boolean | Error)[]): { confirm: () => Promise<boolean>; asked: () => number } => {
  let asked = 0;
  return {
    confirm: () => {
      const answer = answers[asked++];
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer ?? false);
    },
    asked: () => asked,
  };
};
const OOM = new Error('OOM command not allowed when used memory > \'maxmemory\'.');

describe('confirmLease', () => {
  it('asks a Redis that refuses to say once more, and goes on with its answer', async () => {
    const leases = answering(OOM, true);
    await confirmLease(leases, LEASE, new AbortController().signal);
    expect(leases.asked()).toBe(2);
  });

  it('says of a lease that went to others that it is lost', async () => {
    await expect(confirmLease(answering(false), LEASE, new AbortController().signal)).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  it('waits for no answer once the run is to stop', async () => {
    const stop = new AbortController();
    const confirmed = confirmLease(answering(OOM, OOM, OOM), LEASE, stop.signal);
    stop.abort({ kind: 'drain' });
    await expect(confirmed).rejects.toEqual({ kind: 'drain' });
  });
});
