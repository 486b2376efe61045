import { describe, expect, test } from '@jest/globals';
import { DepthGauge } from './depth-gauge.js';

function gauge(): { gauge: DepthGauge; reads: string[]; clock: { now: number }; answers: (number | Error)[] } {
  const reads: string[] = [];
  const clock = { now: 0 };
  const answers: (number | Error)[] = [];
  const depths = new DepthGauge((tier) => {
    reads.push(tier);
    const answer = answers.shift() ?? 0;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ high: 0, normal: answer, low: 0 });
  }, () => clock.now);
  return { gauge: depths, reads, clock, answers };
}

describe('DepthGauge', () => {
  test('asks once for all who ask at the same time, and anew when the answer has aged', async () => {
    const { gauge: depths, reads, clock, answers } = gauge();
    answers.push(7, 3);
    expect(await Promise.all([depths.depth('low'), depths.depth('low')])).toEqual([{ high: 0, normal: 7, low: 0 }, { high: 0, normal: 7, low: 0 }]);
    clock.now = 19;
    expect((await depths.depth('low')).normal).toBe(7);
    expect(reads).toEqual(['low']);
    clock.now = 20;
    expect((await depths.depth('low')).normal).toBe(3);
    expect(reads).toEqual(['low', 'low']);
  });

  test('counts what was added since, by priority and tier', async () => {
    const { gauge: depths, clock, answers } = gauge();
    answers.push(1, 5);
    depths.count('high', 'normal');
    await depths.depth('high');
    depths.count('high', 'normal');
    depths.count('high', 'low');
    depths.count('low', 'high');
    expect(await depths.depth('high')).toEqual({ high: 0, normal: 2, low: 1 });
    clock.now = 100;
    expect(await depths.depth('high')).toEqual({ high: 0, normal: 5, low: 0 });
  });

  test('a failure is told to whoever asked, and the next one asks again', async () => {
    const { gauge: depths, reads, answers } = gauge();
    answers.push(new Error('gone'), 2);
    await expect(depths.depth('low')).rejects.toThrow('gone');
    expect((await depths.depth('low')).normal).toBe(2);
    expect(reads).toHaveLength(2);
  });
});
