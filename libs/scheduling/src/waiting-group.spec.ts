import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { onGpus, waitingTask } from './scheduling.fixture.js';
import { WaitingGroup, isOlder } from './waiting-group.js';
import type { WaitingTask } from './waiting-task.js';

const newGroup = (): WaitingGroup => new WaitingGroup(waitingTask('like'), { key: '', demand: onGpus(16), waiting: { low: 0, standard: 0, high: 0, premium: 0 } });
const inside = (group: WaitingGroup): (string | undefined)[] => Array.from({ length: group.size }, (_, place) => group.at(place)?.taskId);

describe('WaitingGroup', () => {
  test('holds its tasks in order of age, whatever comes and goes', () => {
    const tasks = Array.from({ length: 40 }, (_, index) => waitingTask(`t${String(index).padStart(2, '0')}`, { submittedAt: (index * 7) % 10 }));
    fc.assert(
      fc.property(fc.array(fc.nat(tasks.length - 1), { maxLength: 120 }), (changes) => {
        const group = newGroup();
        const there = new Set<WaitingTask>();
        for (const index of changes) {
          const task = tasks[index];
          if (task === undefined) continue;
          expect(there.has(task) ? group.remove(task) : !group.remove(task)).toBe(true);
          if (!there.delete(task)) {
            group.add(task);
            there.add(task);
          }
          expect(inside(group)).toEqual([...there].sort((a, b) => (isOlder(a, b) ? -1 : 1)).map(({ taskId }) => taskId));
        }
      }),
    );
  });

  test('of tasks submitted at once the smaller id is the older', () => {
    const group = newGroup();
    for (const taskId of ['b', 'c', 'a']) group.add(waitingTask(taskId));
    expect(inside(group)).toEqual(['a', 'b', 'c']);
    expect(group.at(3)).toBeUndefined();
  });
});
