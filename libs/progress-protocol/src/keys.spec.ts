import { describe, expect, test } from '@jest/globals';
import { projectChannel, schedulerChannel, taskChannel, workerChannel } from './channels.js';
import { keys } from './keys.js';

/** The part of a key that a Redis cluster hashes. */
const hashTag = (key: string): string => /\{([^}]+)\}/.exec(key)?.[1] ?? key;

const leaseKeys = [keys.leaseTotals('a'), keys.leased('a'), keys.leases('a'), keys.leaseExpiry('a'), keys.leaseReserved('a')];

describe('keys', () => {
  test('of one script share a hash tag', () => {
    expect(hashTag(keys.task('a'))).toBe(hashTag(keys.events('a')));
    expect(hashTag(keys.task('a'))).toBe(hashTag(keys.job('a')));
    expect(hashTag(keys.project('a'))).toBe(hashTag(keys.projectTasks('a')));
    expect(hashTag(keys.project('a'))).toBe(hashTag(keys.request('a', 'r')));
    expect(leaseKeys.map(hashTag)).toEqual(leaseKeys.map(() => 'a'));
  });

  test('of different things differ, even for one id', () => {
    const all = [keys.task('a'), keys.events('a'), keys.job('a'), keys.openTasks, keys.narrator, keys.reconciler, keys.project('a'), keys.projectTasks('a'), keys.request('a', 'tasks'), keys.batch('a'), keys.demand('a', 'low'), keys.demand('a', 'high'), keys.demand('a:low', 'high'), keys.warmProjects('a'), ...leaseKeys];
    expect(new Set(all).size).toBe(all.length);
  });
});

test('the channel names are those of the protocol', () => {
  expect(taskChannel('t')).toBe('task:progress:t');
  expect(projectChannel('p')).toBe('project:progress:p');
  expect(workerChannel('w')).toBe('worker:control:w');
  expect(schedulerChannel).toBe('scheduler');
});
