import type { ContainerStats } from 'dockerode';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { createLogger } from '../logging/logger.js';
import { UsageGauge } from './usage-gauge.js';

const logger = createLogger('silent', 'test');
const stats = (usage: number, cpuSeconds: number): ContainerStats => ({ memory_stats: { usage }, cpu_stats: { cpu_usage: { total_usage: cpuSeconds * 1e9 } } }) as ContainerStats;

describe('UsageGauge', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  it('asks at once and then once a second, one question at a time, while something is measured', async () => {
    jest.useFakeTimers();
    const answers = [stats(10, 1), stats(30, 3), stats(20, 4)];
    let asked = 0;
    const gauge = new UsageGauge(() => Promise.resolve(answers[asked++] ?? stats(1, 9)), logger);
    const task = gauge.measure();
    await jest.advanceTimersByTimeAsync(0);
    expect([asked, gauge.memoryInUse]).toEqual([1, 10]);
    await jest.advanceTimersByTimeAsync(999);
    expect(asked).toBe(1);
    await jest.advanceTimersByTimeAsync(1001);
    expect(asked).toBe(3);
    expect(task.end()).toEqual({ peakMemoryBytes: 30, cpuSeconds: 3 });
    await jest.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(3);
  });

  it('tells a task that is over before an answer what was seen last, and piles no questions up', async () => {
    jest.useFakeTimers();
    let asked = 0;
    const gauge = new UsageGauge(() => Promise.resolve(stats(10, (asked += 1))), logger);
    gauge.measure().end();
    await jest.advanceTimersByTimeAsync(5000);
    expect([asked, gauge.memoryInUse]).toEqual([0, undefined]);
    const first = gauge.measure();
    await jest.advanceTimersByTimeAsync(0);
    first.end();
    for (let task = 0; task < 50; task += 1) {
      const { end } = gauge.measure();
      await jest.advanceTimersByTimeAsync(10);
      expect(end()).toMatchObject({ peakMemoryBytes: 10 });
    }
    expect(asked).toBe(1);
  });

  it('goes on where a question fails, and rests for good once the container is gone', async () => {
    jest.useFakeTimers();
    let asked = 0;
    const gauge = new UsageGauge(() => ((asked += 1) === 1 ? Promise.reject(new Error('busy')) : Promise.resolve(stats(5, 1))), logger);
    const task = gauge.measure();
    await jest.advanceTimersByTimeAsync(1000);
    expect([asked, task.end()]).toEqual([2, { peakMemoryBytes: 5, cpuSeconds: 0 }]);
    gauge.stop();
    gauge.measure();
    await jest.advanceTimersByTimeAsync(5000);
    expect(asked).toBe(2);
  });
});
