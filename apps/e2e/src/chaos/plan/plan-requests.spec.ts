import { planRequests, TASKS_PER_MINUTE } from './plan-requests.js';

const SIZE = { editors: 6, projects: 2 };

describe('planRequests', () => {
  const plan = planRequests(11, 10, SIZE);
  const tasks = plan.requests.flatMap((request) => request.tasks);

  it('is the same for the same seed, and another for another', () => {
    expect(planRequests(11, 10, SIZE)).toEqual(plan);
    expect(planRequests(12, 10, SIZE)).not.toEqual(plan);
  });

  it('asks for 1,000 tasks and more in ten minutes, each by its own request id', () => {
    expect(tasks).toHaveLength(10 * TASKS_PER_MINUTE);
    expect(tasks.length).toBeGreaterThanOrEqual(1000);
    expect(new Set(tasks.map(({ requestId }) => requestId)).size).toBe(tasks.length);
  });

  it('has all that clients do', () => {
    const count = (test: (task: (typeof tasks)[number]) => boolean): number => tasks.filter(test).length / tasks.length;
    expect(count(({ cancelAfterMs }) => cancelAfterMs !== undefined)).toBeGreaterThan(0.05);
    expect(count(({ repeats }) => repeats === 'here')).toBeGreaterThan(0.02);
    expect(count(({ repeats }) => repeats === 'elsewhere')).toBeGreaterThan(0.02);
    expect(count(({ work }) => work.fails)).toBeGreaterThan(0.02);
    expect(count(({ work }) => work.files > 1)).toBeGreaterThan(0.5);
    expect(new Set(tasks.map(({ nodeType }) => nodeType)).size).toBe(3);
    expect(plan.requests.some(({ batchId, tasks: items }) => batchId !== undefined && items.length > 1)).toBe(true);
    expect(plan.leaves.length).toBeGreaterThan(60);
  });

  it('keeps to its time, its editors and its projects', () => {
    for (const { atMs, editor, project } of plan.requests) expect(atMs >= 0 && atMs <= 600_000 && editor < 6 && project < 2).toBe(true);
    expect(tasks.reduce((sum, { work }) => sum + work.ms, 0) / tasks.length).toBeLessThan(1200);
  });
});
