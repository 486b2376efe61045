import { describe, expect, test } from '@jest/globals';
import { WaitingLine, type ClusterState, type HostState, type WaitingTask } from '@function-runner/scheduling';
import { standingsOf, type Standings } from './standings.js';
import { noneWaiting } from './waiting-counts.js';

const GIB = 1024 ** 3;

function task(taskId: string, gib: number, changes: Partial<WaitingTask> = {}): WaitingTask {
  return {
    taskId, tier: 'high', projectId: 'film', pipelineId: 'p:1', priority: 'normal', submittedAt: Number(taskId.slice(1)),
    demand: { gpus: 1, vramBytes: gib * GIB, splittable: false, cpuMillis: 0, memoryBytes: 0 }, ...changes,
  };
}
function host(hostId: string, gib: number, leasedGib: number): HostState {
  return { hostId, name: hostId.toUpperCase(), warm: [], devices: [{ id: `GPU-${hostId}`, name: 'RTX', total: gib * GIB, leased: leasedGib * GIB }], cpu: { total: 8000, leased: 0 }, memory: { total: 64 * GIB, leased: 0 } };
}
const cluster = (hosts: HostState[], changes: Partial<ClusterState['tiers']> = {}): ClusterState => {
  const free = { running: 0, limit: 10 };
  return { hosts, tiers: { low: free, standard: free, high: free, premium: free, ...changes } };
};
function standings(tasks: readonly WaitingTask[], state: ClusterState, { seconds, most = 100 }: { seconds?: number; most?: number } = {}): Standings {
  const line = new WaitingLine();
  for (const one of tasks) line.add(one);
  const running = [{ tier: 'high' as const, demand: task('t0', 16).demand, remainingSeconds: seconds === undefined ? undefined : 7 }];
  return standingsOf({ line, cluster: state, running, durationOf: () => seconds, most });
}
const lines = ({ tasks }: Standings): unknown[] => tasks.map(({ task: { taskId }, position, etaSeconds, step }) => [taskId, position, etaSeconds, step]);

describe('standingsOf', () => {
  test('says of each its place in its tier, and why it waits', () => {
    const result = standings([task('t1', 12), task('t2', 24), task('t3', 8), task('t4', 4, { tier: 'low' }), task('t5', 80)], cluster([host('a', 24, 16)], { low: { running: 1, limit: 1 } }));
    expect(lines(result)).toEqual([
      ['t4', 1, undefined, '1 low task runs, as many as may at once'],
      ['t1', 1, undefined, 'waiting for 12 GiB on host A'],
      ['t2', 2, undefined, 'waiting for 24 GiB on host A'],
      ['t3', 3, 0, 'next in line'],
      ['t5', 4, undefined, expect.stringMatching(/^no host can run it: needs 80 GiB/)],
    ]);
    const expected = noneWaiting();
    expected.low['tier-limit'] = 1;
    expected.high = { ...expected.high, capacity: 2, next: 1, 'no-capable-host': 1 };
    expect(result.counts).toEqual(expected);
  });

  test('says when it may start, where it is known how long such tasks take', () => {
    const result = standings([task('t1', 16), task('t2', 16)], cluster([host('a', 16, 16)]), { seconds: 30 });
    expect(lines(result)).toEqual([['t1', 1, 7, 'waiting for 16 GiB on host A'], ['t2', 2, 37, 'waiting for 16 GiB on host A']]);
  });

  test('of many alike, those that would start now are next and the others wait', () => {
    const result = standings(['t1', 't2', 't3', 't4'].map((taskId) => task(taskId, 8)), cluster([host('a', 24, 8)]));
    expect(result.tasks.map(({ step }) => step)).toEqual(['next in line', 'next in line', 'waiting for 8 GiB on host A', 'waiting for 8 GiB on host A']);
    expect(result.counts.high).toMatchObject({ next: 2, capacity: 2 });
  });

  test('looks at the front of a long line and counts all of it', () => {
    const result = standings(['t1', 't2', 't3'].map((taskId) => task(taskId, 24)), cluster([]), { seconds: 30, most: 2 });
    expect(lines(result)).toEqual([['t1', 1, undefined, 'no worker is there'], ['t2', 2, undefined, 'no worker is there']]);
    expect(result.counts.high['no-host']).toBe(3);
  });

  test('of nothing there is nothing', () => {
    expect(standings([], cluster([]))).toEqual({ tasks: [], counts: noneWaiting() });
  });
});
