import { describe, expect, test } from '@jest/globals';
import type { Lease } from './lease.js';
import { hostStateOf } from './host-state-of.js';

const HOST = { hostId: 'h', name: 'box', devices: [{ id: 'a', name: 'RTX A' }] };
const lease = (changes: Partial<Lease>): Lease => ({ id: 'l', holder: 'w', purpose: 'warm', taskId: 't', pipelineId: 'p:1', projectId: 'film', amounts: { 'gpu:a': 3 }, expiresAt: 1, expired: false, ...changes });

describe('hostStateOf', () => {
  test('shows what there is, what is leased and what is kept for whom', () => {
    const state = hostStateOf(HOST, { totals: { cpu: 2000, memory: 10, 'gpu:a': 24 }, leased: { cpu: 500, 'gpu:b': 4 }, reserved: { 'gpu:a': { taskId: 'big', until: 9 } }, leases: [] });
    expect(state).toEqual({
      hostId: 'h', name: 'box', cpu: { total: 2000, leased: 500 }, memory: { total: 10, leased: 0 }, warm: [],
      devices: [{ id: 'a', name: 'RTX A', total: 24, leased: 0, reservedFor: 'big' }, { id: 'b', name: 'b', total: 0, leased: 4 }],
    });
  });

  test.each<[string, Partial<Lease>, unknown[]]>([
    ['a warm container of a project', { facts: { idleSince: 5, pinned: true } }, [{ leaseId: 'l', workerId: 'w', pipelineId: 'p:1', projectId: 'film', devices: ['a'], amounts: { 'gpu:a': 3 }, idleSince: 5, pinned: true }]],
    ['a warm container for any project', { facts: { shareable: true } }, [{ leaseId: 'l', workerId: 'w', pipelineId: 'p:1', projectId: undefined, devices: ['a'], amounts: { 'gpu:a': 3 }, idleSince: 0, pinned: false }]],
    ['one at work', { purpose: 'task' }, []],
    ['one whose worker says nothing any more', { expired: true }, []],
  ])('%s', (_what, changes, expected) => {
    expect(hostStateOf(HOST, { totals: {}, leased: {}, reserved: {}, leases: [lease(changes)] }).warm).toEqual(expected);
  });
});
