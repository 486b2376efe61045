import { expect, test } from '@jest/globals';
import type { TaskState } from '@function-runner/task-contract';
import { isBatchOver, tallyBatch } from './batch-tally.js';

test.each<[string, [TaskState, number][], object, boolean]>([
  ['nothing', [], { total: 0, progress: 100 }, true],
  ['all waiting', [['queued', 0], ['queued', 0]], { total: 2, queued: 2, running: 0, progress: 0 }, false],
  ['every state', [['queued', 0], ['preparing', 0], ['running', 50], ['cancelling', 30], ['completed', 100], ['failed', 20], ['cancelled', 0]],
    { total: 7, queued: 1, running: 3, completed: 1, failed: 1, cancelled: 1, progress: 54.3 }, false],
  ['over', [['completed', 100], ['failed', 3]], { total: 2, completed: 1, failed: 1, progress: 100 }, true],
])('a batch with %s', (_what, tasks, expected, over) => {
  const tally = tallyBatch('b', tasks.map(([state, progress], seq) => ({ state, progress, seq })));
  expect(tally).toMatchObject({ batchId: 'b', ...expected });
  expect(isBatchOver(tally)).toBe(over);
});
