import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { anyDemand, anyHosts } from '../any-hosts.fixture.js';
import type { ClusterState } from '../cluster-state.js';
import { resourcesOf } from '../host-capacity.js';
import { occupy } from '../occupy.js';
import { cluster, device, host, onGpus, waitingTask } from '../scheduling.fixture.js';
import { WaitingLine } from '../waiting-line.js';
import type { WaitingTask } from '../waiting-task.js';
import { fairShare } from './fair-share.js';
import { fifoPerTier } from './fifo-per-tier.js';
import { firstFit } from './first-fit.js';
import type { Policy } from './policy.js';

function decide(policy: Policy, tasks: readonly WaitingTask[], state: ClusterState, most = Number.POSITIVE_INFINITY): string {
  const line = new WaitingLine();
  for (const task of tasks) line.add(task);
  return policy.decide(line, state, { most }).starts.map(({ task, placement }) => [task.taskId, ...placement.devices].join(' ')).join(', ');
}

const state = cluster([host('a', { devices: [device('big', 48), device('small', 24)] })], { low: { running: 0, limit: 1 } });
const task = (taskId: string, gib: number, submittedAt: number, changes: Partial<WaitingTask> = {}): WaitingTask => waitingTask(taskId, { demand: onGpus(gib), submittedAt, ...changes });

/** The 20 GiB of the first leave 28 and 24; the second wants more than either. */
const BLOCKED = [task('first', 20, 1), task('blocked', 40, 2), task('third', 20, 3, { projectId: 'series' }), task('high', 20, 4, { tier: 'high' })];

describe('the policies', () => {
  test.each<[Policy, WaitingTask[], string]>([
    [fifoPerTier, BLOCKED, 'high big, first big'],
    [firstFit, BLOCKED, 'first big, third big, high small'],
    [fairShare, BLOCKED, 'high small, third big, first big'],
    [fifoPerTier, [task('x', 8, 2, { tier: 'low' }), task('y', 8, 1, { tier: 'low' }), task('z', 8, 3)], 'z big, y big'],
    [firstFit, [task('x', 8, 2, { tier: 'low' }), task('y', 8, 1, { tier: 'low' }), task('z', 8, 3)], 'y big, z big'],
    [firstFit, [task('x', 30, 1), task('y', 30, 2), task('z', 20, 3)], 'x big, z small'],
    [fifoPerTier, [task('later', 8, 2, { priority: 'high' }), task('sooner', 8, 1)], 'sooner big, later big'],
  ])('$name, %#', (policy, tasks, expected) => {
    expect(decide(policy, tasks, state)).toBe(expected);
  });

  test.each([fairShare, fifoPerTier, firstFit])('$name starts no more than asked for', (policy) => {
    expect(decide(policy, BLOCKED, state, 1).split(', ')).toHaveLength(1);
    expect(decide(policy, BLOCKED, state, 0)).toBe('');
  });

  test.each([fifoPerTier, firstFit])('$name gives no more than there is, and reserves nothing', (policy) => {
    const anyTask = fc.record({ tier: fc.constantFrom('low' as const, 'high' as const), pipelineId: fc.constantFrom('flux', 'other'), submittedAt: fc.nat(9), demand: anyDemand });
    fc.assert(
      fc.property(fc.array(anyTask, { maxLength: 12 }), anyHosts, (given, hosts) => {
        const line = new WaitingLine();
        for (const [index, each] of given.entries()) line.add(waitingTask(`x${index}`, each));
        const { starts, reservations } = policy.decide(line, cluster(hosts, { low: { running: 0, limit: 2 } }), { most: Number.POSITIVE_INFINITY });
        expect(reservations).toEqual([]);
        expect(starts.filter((start) => start.task.tier === 'low').length).toBeLessThanOrEqual(2);
        let now: readonly (typeof hosts)[number][] = hosts;
        for (const { placement } of starts) {
          now = now.map((each) => (each.hostId === placement.hostId ? occupy(each, placement) : each));
          for (const each of now) for (const [, { leased, total }] of resourcesOf(each)) expect(leased).toBeLessThanOrEqual(total);
        }
      }),
    );
  });
});
