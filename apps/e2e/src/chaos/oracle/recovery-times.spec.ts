import type { TaskEvent } from '@function-runner/progress-protocol';
import type { FaultRecord } from '../faults/fault-record.js';
import { quantile } from './quantile.js';
import { recoveryTimes } from './recovery-times.js';

const event = (ms: number, status: string): TaskEvent => ({ status, timestamp: new Date(ms).toISOString() }) as TaskEvent;
const kill = (killedAt: number, taskIds: string[]): FaultRecord => ({ kind: 'worker-killed', effect: { proof: '', orphans: { killedAt, taskIds } } }) as unknown as FaultRecord;

describe('recoveryTimes', () => {
  it('is from the kill to the next word that the task runs', () => {
    const logs = new Map([['t', [event(900, 'running'), event(5000, 'preparing'), event(6000, 'running'), event(7000, 'running')]], ['u', [event(900, 'running'), event(2000, 'cancelled')]]]);
    expect(recoveryTimes({ faults: [kill(1000, ['t', 'u']), kill(6500, ['t'])], logs })).toEqual([5000, 500]);
  });
});

describe('quantile', () => {
  it.each([[[], 0.5, undefined], [[3], 0.95, 3], [[4, 1, 3, 2], 0.5, 2], [[4, 1, 3, 2], 0.95, 4]])('of %j at %d is %p', (values, fraction, expected) => {
    expect(quantile(values, fraction)).toBe(expected);
  });
});
