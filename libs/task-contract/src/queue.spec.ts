import { describe, expect, test } from '@jest/globals';
import { outputPath } from './output-path.js';
import { BULLMQ_PRIORITY, TASK_PRIORITIES, priorityOf, queueName } from './queue.js';

describe('queue', () => {
  test.each(['low', 'standard', 'high', 'premium'] as const)('the queue of %s', (tier) => {
    expect(queueName(tier)).toBe(`quality_${tier}`);
  });

  test('each priority has a number of its own, by which it is known again', () => {
    expect(TASK_PRIORITIES.map((priority) => priorityOf(BULLMQ_PRIORITY[priority]))).toEqual(TASK_PRIORITIES);
    expect(priorityOf(7)).toBe('normal');
  });
});

test('a node’s takes lie below its project', () => {
  expect(outputPath('My Film', 'node-1')).toBe('/workspace/My Film/outputs/renders/node-1');
});
