import { expect, test } from '@jest/globals';
import { AppendQueue, type QueuedReport } from './append-queue.js';

const identity = { taskId: 'task-1', nodeId: 'node-1', projectId: 'project-1' };

function report(progress: number): QueuedReport {
  return { progress, step: `step ${progress}`, state: 'running', now: new Date(0) };
}

/** A queue, and the bundles that it has written: task, attempt and progress of each report. */
function recordingQueue(answer: (size: number) => Promise<number>): { queue: AppendQueue; written: string[]; ordinals: number[] } {
  const written: string[] = [];
  const ordinals: number[] = [];
  const queue = new AppendQueue(({ task, attempt, ordinal, reports }) => {
    ordinals.push(ordinal);
    written.push(`${task.taskId} ${attempt}: ${reports.map(({ progress }) => progress).join(' ')}`);
    return answer(reports.length);
  });
  return { queue, written, ordinals };
}

test('reports of one turn go together and keep their own seq', async () => {
  const { queue, written, ordinals } = recordingQueue(() => Promise.resolve(7));
  expect(await Promise.all([1, 2, 3].map((progress) => queue.add(identity, 1, report(progress))))).toEqual([7, 8, 9]);
  expect(await queue.add(identity, 1, report(4))).toBe(7);
  expect(written).toEqual(['task-1 1: 1 2 3', 'task-1 1: 4']);
  expect(ordinals).toEqual([1, 4]);
});

test('tasks and attempts are never mixed, and attempts keep their order', async () => {
  const { queue, written } = recordingQueue(() => Promise.resolve(1));
  const other = { ...identity, taskId: 'task-2' };
  await Promise.all([queue.add(identity, 1, report(1)), queue.add(other, 1, report(2)), queue.add(identity, 2, report(3)), queue.add(identity, 2, report(4))]);
  expect(written).toEqual(['task-1 1: 1', 'task-2 1: 2', 'task-1 2: 3 4']);
});

test('flush writes at once what waits, once', async () => {
  const { queue, written } = recordingQueue(() => Promise.resolve(1));
  const added = queue.add(identity, 1, report(1));
  queue.flush('task-1');
  queue.flush('task-1');
  expect(written).toEqual(['task-1 1: 1']);
  await added;
  expect(written).toHaveLength(1);
});

test.each([0, -1])('what the script says instead of a seq, %d, is every report’s', async (said) => {
  const { queue } = recordingQueue(() => Promise.resolve(said));
  expect(await Promise.all([queue.add(identity, 1, report(1)), queue.add(identity, 1, report(2))])).toEqual([said, said]);
});

test('a failed write fails every report of its bundle and none after it', async () => {
  let fail = true;
  const { queue } = recordingQueue(() => (fail ? Promise.reject(new Error('OOM')) : Promise.resolve(1)));
  const outcomes = await Promise.allSettled([queue.add(identity, 1, report(1)), queue.add(identity, 1, report(2))]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  fail = false;
  expect(await queue.add(identity, 1, report(3))).toBe(1);
});
