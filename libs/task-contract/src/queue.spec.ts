import { describe, expect, test } from '@jest/globals';
import { outputPath } from './output-path.js';
import { BULLMQ_PRIORITY, TASK_PRIORITIES, queueName } from './queue.js';

describe('queue', () => {
  test.each(['low', 'standard', 'high', 'premium'] as const)('the queue of %s', (tier) => {
    expect(queueName(tier)).toBe(`quality_${tier}`);
  });

  test('higher priorities are taken first: BullMQ takes 0 first, then counts up', () => {
    const numbers = TASK_PRIORITIES.map((priority) => BULLMQ_PRIORITY[priority]);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    expect(numbers[0]).toBe(0);
  });
});

test('a node’s takes lie below its project', () => {
  expect(outputPath('My Film', 'node-1')).toBe('/workspace/My Film/outputs/renders/node-1');
});
